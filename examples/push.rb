#!/usr/bin/env ruby
# frozen_string_literal: true
# SPDX-License-Identifier: MIT
# Enqueues one job and waits for its outcome. Usage: push.rb SCHOOL [TAG…]
# Debian: ruby-redis; gem: redis. REDIS_URL says where Redis is.
require 'json'
require 'redis'
require 'securerandom'

WAIT_S = 30

def enqueue(redis, school, tags)
  id = SecureRandom.hex(16) # better, and kept with it: the id of what happened
  job = {
    id: id,
    code: 'I10001',
    school: school,
    tags: tags,
    ttl_s: 3600, # after an hour it is of no use any more
    enqueued_at: Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond),
    reply_to: "push:reply:#{id}"
  }
  redis.rpush('push:jobs', JSON.generate(job))
  job
end

# The outcome, or nil: the job may still be sent later.
def wait(redis, job)
  _list, text = redis.blpop(job[:reply_to], timeout: WAIT_S)
  text && JSON.parse(text)
end

def report(outcome)
  if outcome.nil?
    puts 'no outcome yet'
    75
  elsif outcome['status'] == 'dead'
    puts "dead #{outcome['id']} #{outcome['reason']} #{outcome['error']['message']}"
    1
  else
    puts [outcome['status'], outcome['id'], *outcome['pushes'].map { |p| p['message_id'] }].join(' ')
    0
  end
end

abort 'usage: push.rb SCHOOL [TAG…]' if ARGV.empty?
redis = Redis.new(url: ENV.fetch('REDIS_URL', 'redis://127.0.0.1:6379/0'))
school, *tags = ARGV
exit report(wait(redis, enqueue(redis, school, tags)))

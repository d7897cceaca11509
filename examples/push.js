#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Enqueues one job and waits for its outcome. Usage: push.js SCHOOL [TAG…]
// Debian: node-redis; npm: redis@4. REDIS_URL says where Redis is.
'use strict';
const { randomUUID } = require('crypto');
const { createClient } = require('redis');

const WAIT_S = 30;

async function enqueue(redis, school, tags) {
  const id = randomUUID().replace(/-/g, ''); // better, and kept with it: the id of what happened
  const job = {
    id,
    code: 'I10001',
    school,
    tags,
    ttl_s: 3600, // after an hour it is of no use any more
    enqueued_at: Date.now(),
    reply_to: `push:reply:${id}`,
  };
  await redis.rPush('push:jobs', JSON.stringify(job));
  return job;
}

// The outcome, or null: the job may still be sent later. A blocking command needs a connection
// of its own: share `redis` with nobody while it waits.
async function wait(redis, job) {
  const answer = await redis.blPop(job.reply_to, WAIT_S);
  return answer && JSON.parse(answer.element);
}

function report(outcome) {
  if (!outcome) {
    console.log('no outcome yet');
    return 75;
  }
  if (outcome.status === 'dead') {
    console.log('dead', outcome.id, outcome.reason, outcome.error.message);
    return 1;
  }
  console.log(outcome.status, outcome.id, ...outcome.pushes.map((p) => p.message_id));
  return 0;
}

async function main([school, ...tags]) {
  if (!school) {
    console.error('usage: push.js SCHOOL [TAG…]');
    return 64;
  }
  const redis = createClient({ url: process.env.REDIS_URL || 'redis://127.0.0.1:6379/0' });
  redis.on('error', (error) => console.error(String(error)));
  await redis.connect();
  try {
    return report(await wait(redis, await enqueue(redis, school, tags)));
  } finally {
    await redis.quit();
  }
}

main(process.argv.slice(2)).then((code) => { process.exitCode = code; });

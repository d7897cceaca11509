#!/usr/bin/env php
<?php
// SPDX-License-Identifier: MIT
// Enqueues one job and waits for its outcome. Usage: push.php SCHOOL [TAG…]
// Debian: php-redis; PECL: redis. REDIS_URL says where Redis is.
declare(strict_types=1);

const WAIT_S = 30;

function connect(): Redis
{
    $url = parse_url(getenv('REDIS_URL') ?: 'redis://127.0.0.1:6379/0');
    $redis = new Redis();
    $redis->connect($url['host'], $url['port'] ?? 6379, 5.0);
    if (isset($url['pass'])) {
        $redis->auth(empty($url['user']) ? $url['pass'] : [$url['user'], $url['pass']]);
    }
    $redis->select((int) trim($url['path'] ?? '', '/'));
    $redis->setOption(Redis::OPT_READ_TIMEOUT, WAIT_S + 5); // longer than the blocking wait
    return $redis;
}

function enqueue(Redis $redis, string $school, array $tags): array
{
    $id = bin2hex(random_bytes(16)); // better, and kept with it: the id of what happened
    $job = [
        'id' => $id,
        'code' => 'I10001',
        'school' => $school,
        'tags' => $tags,
        'ttl_s' => 3600, // after an hour it is of no use any more
        'enqueued_at' => (int) (microtime(true) * 1000),
        'reply_to' => "push:reply:$id",
    ];
    $redis->rPush('push:jobs', json_encode($job, JSON_THROW_ON_ERROR));
    return $job;
}

/** The outcome, or null: the job may still be sent later. */
function wait(Redis $redis, array $job): ?array
{
    $answer = $redis->blPop($job['reply_to'], WAIT_S);
    return $answer ? json_decode($answer[1], true, 512, JSON_THROW_ON_ERROR) : null;
}

$tags = array_slice($argv, 1);
$school = array_shift($tags);
if ($school === null) {
    fwrite(STDERR, "usage: push.php SCHOOL [TAG…]\n");
    exit(64);
}
$redis = connect();
$outcome = wait($redis, enqueue($redis, $school, $tags));
if ($outcome === null) {
    echo "no outcome yet\n";
    exit(75);
}
if ($outcome['status'] === 'dead') {
    echo "dead {$outcome['id']} {$outcome['reason']} {$outcome['error']['message']}\n";
    exit(1);
}
echo implode(' ', [$outcome['status'], $outcome['id'], ...array_column($outcome['pushes'], 'message_id')]), "\n";

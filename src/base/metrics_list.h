/* SPDX-License-Identifier: MIT
 * Every metric, its labels and its buckets: the one list that makes the enums, the storage, the
 * page and (by a test) the table in docs/admin.md. Included by metrics.h and metrics.c only, with
 * the macros they need.
 *
 * SET(id, label, size, words): a label's values. With words they are fixed, and the position of a
 * word is its index; without, they are named at run time (metrics_name, metrics_label). One more
 * value, "other", takes what does not fit.
 *
 * BUCKETS(id, bounds …): upper bounds of a histogram, in the metric's stored unit.
 *
 * METRIC(id, name, type, divisor, set, second set, buckets, help): values are stored as integers
 * and shown divided by divisor (1000: stored as ms, shown as seconds). Types: COUNTER; SPARSE, a
 * counter of which only series that have counted are shown; GAUGE; MAYBE, a gauge that is not
 * shown before its first value nor while it is METRIC_ABSENT; HISTOGRAM. */

#ifdef SET
SET(NONE, "", 0, "")
SET(APP, "app", 64, NULL)
SET(QUEUE, "queue", 16, NULL)
SET(REASON, "reason", 16, NULL)
SET(CLASS, "code_class", 16, NULL)
SET(RETRY, "reason", 24, NULL)
SET(API, "api", 16,
    "Push MassPush CancelPush QueryPushRecords QueryPushStatByMsg BindTag UnbindTag QueryTags "
    "ListTags BindAlias UnbindAlias QueryAliases QueryDeviceInfo CheckDevices")
SET(TARGET, "type", 8, NULL)
SET(LIMIT, "limit", 3, "egress Push MassPush")
SET(HOW, "how", 3, "lease inbox orphan")
SET(KIND, "kind", 21,
    "connection protocol OOM READONLY LOADING MASTERDOWN CLUSTERDOWN TRYAGAIN MOVED ASK NOSCRIPT "
    "MISCONF BUSY UNBLOCKED NOAUTH NOPERM WRONGTYPE WRONGPASS EXECABORT LARGE ERR")
SET(RESULT, "result", 2, "ok refused")
SET(FETCH, "result", 2, "ok failed")
SET(LEVEL, "level", 4, "error warn info debug")
SET(DOOR, "why", 5, "crowd slow host unclear user")
SET(VERSION, "version", 1, NULL)
SET(COMMIT, "commit", 1, NULL)
SET(HASH, "hash", 1, NULL)
#endif

#ifdef BUCKETS
BUCKETS(ONE, 0) /* not a histogram */
BUCKETS(WAIT, 10000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000,
        60000000, 300000000, 1800000000, 21600000000)
BUCKETS(CALL, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
        10000000)
BUCKETS(COMMAND, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 500000, 1000000,
        5000000)
BUCKETS(RENDER, 10, 25, 50, 100, 250, 500, 1000, 10000)
BUCKETS(JOBS, 1, 2, 4, 8, 16, 32, 64, 128, 256)
#endif

#ifdef METRIC
/* --- jobs */
METRIC(JOBS_CLAIMED, "pushbridge_jobs_claimed_total", COUNTER, 1, QUEUE, NONE, ONE,
       "Jobs taken from Redis.")
METRIC(JOBS_SENT, "pushbridge_jobs_succeeded_total", COUNTER, 1, APP, NONE, ONE,
       "Jobs that ended as sent.")
METRIC(JOBS_DEAD, "pushbridge_jobs_dead_total", COUNTER, 1, APP, REASON, ONE,
       "Jobs that became dead letters; app other: the job could not be read.")
METRIC(JOBS_EXPIRED, "pushbridge_jobs_expired_total", COUNTER, 1, NONE, NONE, ONE,
       "Dead letters whose deadline had passed, of all apps.")
METRIC(JOBS_DUPLICATE, "pushbridge_jobs_duplicate_suppressed_total", COUNTER, 1, NONE, NONE, ONE,
       "Jobs that ended as duplicate: their id had been seen.")
METRIC(JOBS_RETRIED, "pushbridge_jobs_retried_total", COUNTER, 1, RETRY, NONE, ONE,
       "Jobs put back for a later attempt, by the class of the reply that caused it; other: "
       "without a reply.")
METRIC(JOBS_PARKED, "pushbridge_jobs_parked_total", COUNTER, 1, APP, NONE, ONE,
       "Times that a job was set aside because its app takes none, those at which its deadline "
       "was looked at included.")
METRIC(JOBS_SHARED, "pushbridge_jobs_coalesced_total", COUNTER, 1, NONE, NONE, ONE,
       "Jobs that were put into a call with others (plan.coalesce).")
METRIC(IDS_TRIMMED, "pushbridge_ids_trimmed_total", COUNTER, 1, NONE, NONE, ONE,
       "Device ids in jobs that had blanks around them, which were taken away.")
METRIC(JOBS_RETURNED, "pushbridge_jobs_returned_total", COUNTER, 1, NONE, NONE, ONE,
       "Unsent jobs given back to the queue.")
METRIC(JOBS_STALE, "pushbridge_jobs_stale_total", COUNTER, 1, NONE, NONE, ONE,
       "Finishes refused because the lease had moved on.")
METRIC(JOBS_RECLAIMED, "pushbridge_jobs_recovered_total", COUNTER, 1, HOW, NONE, ONE,
       "Jobs taken over from another worker's lost lease or left-over inbox; orphan: found in a "
       "batch that nothing was to bring back, and put where claims find it.")
METRIC(JOBS_IN_FLIGHT, "pushbridge_jobs_in_flight", GAUGE, 1, NONE, NONE, ONE,
       "Jobs that this worker holds.")
METRIC(JOBS_HELD_BYTES, "pushbridge_jobs_held_bytes", GAUGE, 1, NONE, NONE, ONE,
       "Memory that the jobs which this worker holds take, estimated from above.")
METRIC(JOBS_HELD_BYTES_MAX, "pushbridge_jobs_held_bytes_max", GAUGE, 1, NONE, NONE, ONE,
       "Memory that they may take: worker.memory_bytes, or its default.")
METRIC(MEMORY_FULL, "pushbridge_memory_full", GAUGE, 1, NONE, NONE, ONE,
       "1 while nothing is claimed, because the jobs that are held take that much.")
METRIC(LEASES_LOST, "pushbridge_leases_lost_total", COUNTER, 1, NONE, NONE, ONE,
       "Batches whose lease this worker lost before their end.")
METRIC(SHARED_STOPPED, "pushbridge_shared_calls_stopped", GAUGE, 1, NONE, NONE, ONE,
       "Accounts whose jobs go out one by one, because the provider refused them MassPush.")
METRIC(BATCHES_BISECTED, "pushbridge_batches_bisected_total", COUNTER, 1, NONE, NONE, ONE,
       "Refused calls of several jobs that were cut in two, to find whose fault it was.")
METRIC(ENDS_UNCONFIRMED, "pushbridge_ends_unconfirmed", MAYBE, 1, QUEUE, NONE, ONE,
       "Ends of jobs, and groupings of shared calls, that this worker has for Redis and that Redis "
       "has not confirmed.")
METRIC(BATCH_JOBS, "pushbridge_batch_jobs", HISTOGRAM, 1, NONE, NONE, JOBS,
       "Jobs of a claimed batch.")
METRIC(QUEUE_WAIT, "pushbridge_job_queue_wait_seconds", HISTOGRAM, 1000000, NONE, NONE, WAIT,
       "Time from enqueued_at to the first claim, of jobs that carry it.")
METRIC(END_TO_END, "pushbridge_job_end_to_end_seconds", HISTOGRAM, 1000000, NONE, NONE, WAIT,
       "Time from enqueued_at to the provider's acceptance, of jobs that carry it.")
METRIC(RENDER_TIME, "pushbridge_template_render_seconds", HISTOGRAM, 1000000, NONE, NONE, RENDER,
       "Time from a job's bytes to its rendered and planned calls.")
METRIC(READS_POSTPONED, "pushbridge_reads_postponed_total", COUNTER, 1, NONE, NONE, ONE,
       "Turns of the loop that left claimed jobs to be read in the next one: 20 ms were up.")

/* --- provider */
METRIC(CALLS_SENT, "pushbridge_provider_requests_started_total", COUNTER, 1, NONE, NONE, ONE,
       "Calls given to the HTTP client.")
METRIC(CALLS, "pushbridge_provider_requests_total", SPARSE, 1, API, CLASS, ONE,
       "Calls that ended, by what their reply means.")
METRIC(CALL_TIME, "pushbridge_provider_request_duration_seconds", HISTOGRAM, 1000000, API, NONE,
       CALL, "Time from start to end of a call.")
METRIC(CALLS_THROTTLED, "pushbridge_provider_throttled_total", COUNTER, 1, APP, NONE, ONE,
       "Calls refused by a rate quota.")
METRIC(HINTS_CUT, "pushbridge_provider_hints_cut_total", COUNTER, 1, NONE, NONE, ONE,
       "Answers whose Retry-After, or its like, asked for a longer wait than retry.hint_max_ms.")
METRIC(CALL_RESENDS_STOPPED, "pushbridge_provider_resends_stopped_total", COUNTER, 1, NONE, NONE,
       ONE, "Silent repeats by the HTTP library that were stopped.")
METRIC(PUSH_TARGETS, "pushbridge_push_targets_total", COUNTER, 1, TARGET, NONE, ONE,
       "Accepted pushes by the kind of their target.")
METRIC(FLOW_ASKS, "pushbridge_limiter_asks_total", COUNTER, 1, NONE, NONE, ONE,
       "Script calls that asked Redis for rate tokens.")
METRIC(FLOW_TOKENS, "pushbridge_limiter_tokens_granted_total", COUNTER, 1, NONE, NONE, ONE,
       "Rate tokens granted to this worker, over all buckets.")
METRIC(FLOW_STOCK, "pushbridge_limiter_tokens", MAYBE, 1, LIMIT, NONE, ONE,
       "Rate tokens that this worker has in stock, over the buckets of a kind; absent where none "
       "of them is limited. Those for pushes to ALL are used at once.")
METRIC(FLOW_WAIT_TIME, "pushbridge_limiter_wait_seconds", HISTOGRAM, 1000000, NONE, NONE, COMMAND,
       "Time that a call of claimed jobs was held until there was a rate token; calls that found "
       "one at once, or whose jobs were set aside for want of one, are left out.")
METRIC(FLOW_COOLED, "pushbridge_limiter_cooled_total", COUNTER, 1, NONE, NONE, ONE,
       "Cool-downs after throttling, begun here or by another worker.")
METRIC(FLOW_ERRORS, "pushbridge_limiter_errors_total", COUNTER, 1, NONE, NONE, ONE,
       "Error replies to scripts of flow control.")
METRIC(FLOW_REPAIRED, "pushbridge_limiter_repaired_total", COUNTER, 1, NONE, NONE, ONE,
       "Values of the limits in Redis that were no numbers, or out of all reason, and began anew.")
METRIC(PAUSES, "pushbridge_pauses", GAUGE, 1, NONE, NONE, ONE,
       "Pauses by an operator that this worker obeys: apps, and one for all.")
METRIC(CIRCUIT_STATE, "pushbridge_circuit_state", MAYBE, 1, APP, NONE, ONE,
       "An app's circuit: 0 closed, 1 probing, 2 open.")
METRIC(CIRCUIT_OPENED, "pushbridge_circuit_opened_total", COUNTER, 1, APP, NONE, ONE,
       "Times that an app's circuit opened.")
METRIC(CREDENTIALS, "pushbridge_credentials_refreshes_total", COUNTER, 1, FETCH, NONE, ONE,
       "Keys fetched or read anew, by what came of it.")
METRIC(CREDENTIALS_EXPIRY, "pushbridge_credentials_expiry_seconds", MAYBE, 1000, APP, NONE, ONE,
       "Time until the app's temporary keys end; absent for permanent ones.")

/* --- queues: everybody's figures, read in the background while somebody scrapes */
METRIC(QUEUE_READY, "pushbridge_queue_ready_jobs", MAYBE, 1, QUEUE, NONE, ONE,
       "Jobs that wait to be claimed.")
METRIC(QUEUE_OLDEST, "pushbridge_queue_oldest_job_age_seconds", MAYBE, 1000, QUEUE, NONE, ONE,
       "Age of the first ready job by its enqueued_at, else how long it has been seen there.")
METRIC(QUEUE_INBOX, "pushbridge_queue_inbox_jobs", MAYBE, 1, QUEUE, NONE, ONE,
       "Jobs on their way into a worker's next claim.")
METRIC(QUEUE_LEASED, "pushbridge_queue_inflight_jobs", MAYBE, 1, QUEUE, NONE, ONE,
       "Jobs leased to workers.")
METRIC(QUEUE_DELAYED, "pushbridge_queue_delayed_jobs", MAYBE, 1, QUEUE, NONE, ONE,
       "Jobs that wait for their next attempt.")
METRIC(QUEUE_PARKED, "pushbridge_queue_parked_jobs", MAYBE, 1, QUEUE, NONE, ONE,
       "Jobs that wait until their app takes jobs again.")
METRIC(QUEUE_UNSERVED, "pushbridge_queue_unserved_jobs", GAUGE, 1, QUEUE, NONE, ONE,
       "Jobs parked for apps that neither this worker has nor a live one says to have.")
METRIC(QUEUE_DEAD, "pushbridge_queue_dead_jobs", MAYBE, 1, QUEUE, NONE, ONE,
       "Length of the queue's dead-letter list; queues may share one.")
METRIC(QUEUE_RESULTS, "pushbridge_queue_results_jobs", MAYBE, 1, QUEUE, NONE, ONE,
       "Length of the queue's results list; queues may share one.")
METRIC(WORKERS_ALIVE, "pushbridge_workers_alive", MAYBE, 1, QUEUE, NONE, ONE,
       "Workers with a live heartbeat on the queue.")
METRIC(LAST_CLAIM, "pushbridge_last_claim_timestamp_seconds", MAYBE, 1000, QUEUE, NONE, ONE,
       "When Redis last answered a claim of this worker, Unix time.")
METRIC(RESULTS_TRIMMED, "pushbridge_results_trimmed_total", COUNTER, 1, NONE, NONE, ONE,
       "Outcomes cut from the full results list.")
METRIC(REPLIES_TRIMMED, "pushbridge_replies_trimmed_total", COUNTER, 1, NONE, NONE, ONE,
       "Outcomes dropped from reply_to lists that were longer than reply.list_max.")
METRIC(PARKED_FULL, "pushbridge_parked_full_total", COUNTER, 1, APP, NONE, ONE,
       "Times that the parked jobs of an app that takes none went over queue.parked_max.")
METRIC(PARKED_STOP, "pushbridge_parked_stop_total", COUNTER, 1, QUEUE, NONE, ONE,
       "Claims that took no ready job, as all parked lists together are at queue.parked_all_max.")
METRIC(JOBS_SET_ASIDE, "pushbridge_jobs_set_aside_total", COUNTER, 1, APP, NONE, ONE,
       "Jobs parked so that jobs of other apps behind them are reached; they go out in their app's "
       "turn.")
METRIC(OWN_TROUBLE, "pushbridge_own_trouble", GAUGE, 1, APP, NONE, ONE,
       "1 while this worker takes no jobs of the app, because its own calls fail and no other "
       "worker's.")
METRIC(QUEUE_ASIDE, "pushbridge_queue_aside", GAUGE, 1, QUEUE, NONE, ONE,
       "1 while the queue is set aside, because Redis refuses one of the steps that serve it.")
METRIC(CLAIMS_UNREPLICATED, "pushbridge_claims_unreplicated_total", COUNTER, 1, QUEUE, NONE, ONE,
       "Claims given back because too few replicas had them in time.")

/* --- Redis */
METRIC(REDIS_UP, "pushbridge_redis_up", GAUGE, 1, NONE, NONE, ONE,
       "1 while every queue's command connection is up.")
METRIC(REDIS_CONNECTS, "pushbridge_redis_reconnects_total", COUNTER, 1, NONE, NONE, ONE,
       "Connections to Redis that came up again.")
METRIC(REDIS_ERRORS, "pushbridge_redis_errors_total", COUNTER, 1, KIND, NONE, ONE,
       "Error replies of Redis by their first word, and lost connections.")
METRIC(REDIS_REDIRECTS, "pushbridge_redis_redirects_total", COUNTER, 1, NONE, NONE, ONE,
       "Redirections of a Redis cluster that were followed.")
METRIC(REDIS_TIME, "pushbridge_redis_command_duration_seconds", HISTOGRAM, 1000000, NONE, NONE,
       COMMAND, "Time from sending a command to its reply; blocking ones are left out.")
METRIC(REDIS_RTT, "pushbridge_redis_rtt_seconds", MAYBE, 1000000, QUEUE, NONE, ONE,
       "Time of the last readiness write.")
METRIC(REDIS_MEMORY, "pushbridge_redis_memory_used_ratio", MAYBE, 10000, QUEUE, NONE, ONE,
       "Redis' used_memory divided by its maxmemory; absent without a maxmemory.")
METRIC(WATCHDOG_DROPS, "pushbridge_watchdog_drops_total", COUNTER, 1, NONE, NONE, ONE,
       "Connections dropped because nothing moved.")

/* --- the worker */
METRIC(READY, "pushbridge_ready", GAUGE, 1, NONE, NONE, ONE, "1 while /readyz answers 200.")
METRIC(DRAINING, "pushbridge_draining", GAUGE, 1, NONE, NONE, ONE,
       "1 from the first TERM to the end.")
METRIC(CONFIG_RELOADS, "pushbridge_config_reloads_total", COUNTER, 1, RESULT, NONE, ONE,
       "Reloads of the configuration.")
METRIC(
    ADMIN_REFUSED, "pushbridge_admin_refused_total", COUNTER, 1, DOOR, NONE, ONE,
    "Clients of the admin page that were put out (crowd: to make room; slow: no request in 5 s) or "
    "refused a page (host: not one of admin.hosts; unclear: no Host, or several; user: another's, "
    "on the socket of `health`).")
METRIC(CONFIG_HASH, "pushbridge_config_hash_info", GAUGE, 1, HASH, NONE, ONE,
       "The digest of templates, limits and app defaults in force.")
METRIC(BUILD, "pushbridge_build_info", GAUGE, 1, VERSION, COMMIT, ONE,
       "The program's version, and the commit that it was built from.")
METRIC(LOG_MESSAGES, "pushbridge_log_messages_total", COUNTER, 1, LEVEL, NONE, ONE,
       "Log lines by level, dropped ones included.")
METRIC(LOG_DROPPED, "pushbridge_log_messages_dropped_total", COUNTER, 1, NONE, NONE, ONE,
       "Log lines lost because nobody read the pipe.")
METRIC(MEMORY_ANON, "pushbridge_memory_anonymous_bytes", MAYBE, 1, NONE, NONE, ONE,
       "Resident anonymous memory (RssAnon): the one that must stay flat.")
METRIC(PROCESS_RSS, "process_resident_memory_bytes", MAYBE, 1, NONE, NONE, ONE,
       "Resident memory size in bytes.")
METRIC(PROCESS_VSIZE, "process_virtual_memory_bytes", MAYBE, 1, NONE, NONE, ONE,
       "Virtual memory size in bytes.")
METRIC(PROCESS_CPU, "process_cpu_seconds_total", COUNTER, 1000, NONE, NONE, ONE,
       "Total user and system CPU time spent in seconds.")
METRIC(PROCESS_FDS, "process_open_fds", MAYBE, 1, NONE, NONE, ONE,
       "Number of open file descriptors.")
METRIC(PROCESS_MAX_FDS, "process_max_fds", MAYBE, 1, NONE, NONE, ONE,
       "Maximum number of open file descriptors.")
METRIC(PROCESS_START, "process_start_time_seconds", MAYBE, 1000, NONE, NONE, ONE,
       "Start time of the process since unix epoch in seconds.")
#endif

#undef SET
#undef BUCKETS
#undef METRIC

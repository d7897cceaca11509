// SPDX-License-Identifier: MIT
// Enqueues one job and waits for its outcome. Usage: java -cp 'jedis.jar:…' Push.java SCHOOL [TAG…]
// Maven: redis.clients:jedis 4 or 5, which brings Gson along. REDIS_URL says where Redis is.
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import redis.clients.jedis.JedisPooled;

public class Push {
    static final int WAIT_S = 30;
    static final Gson GSON = new Gson();

    static JsonObject job(String school, List<String> tags) {
        // Better, and kept with it: the id of what happened.
        String id = UUID.randomUUID().toString().replace("-", "");
        JsonObject job = new JsonObject();
        job.addProperty("id", id);
        job.addProperty("code", "I10001");
        job.addProperty("school", school);
        job.add("tags", GSON.toJsonTree(tags));
        job.addProperty("ttl_s", 3600); // after an hour it is of no use any more
        job.addProperty("enqueued_at", System.currentTimeMillis());
        job.addProperty("reply_to", "push:reply:" + id);
        return job;
    }

    /** Hands the job over and waits for its outcome; without one in time it may still be sent later. */
    static Optional<JsonObject> push(JedisPooled redis, JsonObject job) {
        redis.rpush("push:jobs", GSON.toJson(job));
        List<String> answer = redis.blpop(WAIT_S, job.get("reply_to").getAsString());
        return Optional.ofNullable(answer).map(a -> GSON.fromJson(a.get(1), JsonObject.class));
    }

    static int report(JsonObject outcome) {
        String status = outcome.get("status").getAsString();
        StringBuilder line = new StringBuilder(status + " " + outcome.get("id").getAsString());
        if (status.equals("dead")) {
            line.append(" ").append(outcome.get("reason").getAsString());
            line.append(" ").append(outcome.getAsJsonObject("error").get("message"));
        } else {
            outcome.getAsJsonArray("pushes").forEach(
                push -> line.append(" ").append(push.getAsJsonObject().get("message_id").getAsString()));
        }
        System.out.println(line);
        return status.equals("dead") ? 1 : 0;
    }

    public static void main(String[] args) {
        if (args.length == 0) {
            System.err.println("usage: Push SCHOOL [TAG…]");
            System.exit(64);
        }
        String url = System.getenv().getOrDefault("REDIS_URL", "redis://127.0.0.1:6379/0");
        int code = 75;
        try (JedisPooled redis = new JedisPooled(url)) {
            List<String> tags = Arrays.asList(args).subList(1, args.length);
            Optional<JsonObject> outcome = push(redis, job(args[0], tags));
            if (outcome.isPresent()) {
                code = report(outcome.get());
            } else {
                System.out.println("no outcome yet");
            }
        }
        System.exit(code);
    }
}

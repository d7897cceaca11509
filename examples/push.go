// SPDX-License-Identifier: MIT

// Enqueues one job and waits for its outcome. Usage: push SCHOOL [TAG…]
// Debian: golang-github-gomodule-redigo-dev. REDIS_URL says where Redis is.
package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/gomodule/redigo/redis"
)

const wait = 30 * time.Second

type Outcome struct {
	ID, Status, Reason string
	Error              struct{ Message string }
	Pushes             []struct {
		MessageID string `json:"message_id"`
	}
}

// push hands a job over and waits. The error is redis.ErrNil if no outcome came in time: the job
// may still be sent later.
func push(c redis.Conn, id, school string, tags []string) (o Outcome, err error) {
	replyTo := "push:reply:" + id
	job, err := json.Marshal(map[string]any{
		"id": id, "code": "I10001", "school": school, "tags": tags,
		"ttl_s":       3600, // after an hour it is of no use any more
		"enqueued_at": time.Now().UnixMilli(), "reply_to": replyTo,
	})
	if err != nil {
		return o, err
	}
	if _, err = c.Do("RPUSH", "push:jobs", job); err != nil {
		return o, err
	}
	answer, err := redis.ByteSlices(redis.DoWithTimeout(c, wait+5*time.Second, "BLPOP", replyTo, wait.Seconds()))
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(answer[1], &o)
}

func main() {
	url, random := os.Getenv("REDIS_URL"), make([]byte, 16)
	if _, err := rand.Read(random); err != nil || len(os.Args) < 2 {
		log.Fatal("usage: push SCHOOL [TAG…]")
	}
	if url == "" {
		url = "redis://127.0.0.1:6379/0"
	}
	c, err := redis.DialURL(url)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	// Better, and kept with it: the id of what happened.
	o, err := push(c, fmt.Sprintf("%x", random), os.Args[1], os.Args[2:])
	if err == redis.ErrNil {
		fmt.Println("no outcome yet")
		os.Exit(75)
	} else if err != nil {
		log.Fatal(err)
	} else if o.Status == "dead" {
		fmt.Println("dead", o.ID, o.Reason, o.Error.Message)
		os.Exit(1)
	}
	fmt.Print(o.Status, " ", o.ID)
	for _, p := range o.Pushes {
		fmt.Print(" ", p.MessageID)
	}
	fmt.Println()
}

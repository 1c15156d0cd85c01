//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The times that the service documents: README.md.
const (
	// staleBound is after what time no node serves a value older than one that
	// was written, when the write was answered with 200.
	staleBound = 4 * heartbeat
	// slack is for a busy machine.
	slack = 500 * time.Millisecond
)

const products = 20

// client sends requests and remembers what it has been told.
type client struct{ f *fleet }

var transport = &http.Client{Timeout: 10 * time.Second}

// do sends a request to a node, and reads its JSON answer into result, if that
// is not nil.
func (c client) do(ctx context.Context, p *process, method, path string, body, result any) (code int, err error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+p.address+path, bytes.NewReader(encoded))
	if err != nil {
		return 0, err
	}
	response, err := transport.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode >= 300:
		return response.StatusCode, fmt.Errorf("%w %s", errStatus, response.Status)
	case result == nil:
		return response.StatusCode, nil
	default:
		return response.StatusCode, json.NewDecoder(response.Body).Decode(result)
	}
}

// history is what clients have seen written, and what was wrong with what they
// were told.
type history struct {
	mu       sync.Mutex // guards what follows
	written  map[string][]write
	reads    int
	writes   int
	told     int // writes answered with 200
	failed   int // requests that a running node refused
	problems []string
}

// write is a version of a product that a client was told of, and when.
type write struct {
	version int64
	at      time.Time
}

func (h *history) problem(format string, arguments ...any) {
	h.problems = append(h.problems, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, arguments...))
}

// newest returns the greatest version that a client was told of before an instant.
func (h *history) newest(id string, before time.Time) (version int64) {
	for _, w := range h.written[id] {
		if w.at.Before(before) {
			version = max(version, w.version)
		}
	}
	return version
}

// load runs clients until ctx is done.
func (f *fleet) load(ctx context.Context, h *history) {
	var running sync.WaitGroup
	for i := range 4 {
		random := rand.New(rand.NewPCG(uint64(i), 1))
		running.Go(func() {
			for ctx.Err() == nil {
				f.request(ctx, h, random)
				time.Sleep(time.Millisecond)
			}
		})
	}
	running.Wait()
}

// request reads or writes a product at a node, both drawn, and notes the outcome.
func (f *fleet) request(ctx context.Context, h *history, random *rand.Rand) {
	p := f.nodes[random.IntN(len(f.nodes))]
	id := "p" + strconv.Itoa(random.IntN(products))
	method, body := "GET", any(nil)
	if random.IntN(10) == 0 {
		method, body = "PUT", Product{Price: random.IntN(1000)}
	}
	var product Product
	from := time.Now()
	if !p.ran(from, from) {
		return // a load balancer would not send it there either
	}
	code, err := client{f}.do(ctx, p, method, "/products/"+id, body, &product)
	to := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.ran(from, to) && ctx.Err() == nil && to.Sub(from) > requestTimeout+slack {
		h.problem("%s %s of %s took %v", method, id, p.id, to.Sub(from))
	}
	switch {
	case err != nil && code == 0: // no answer
		if p.ran(from, to) && ctx.Err() == nil {
			h.problem("%s %s of %s: %v", method, id, p.id, err)
		}
	case err != nil:
		h.failed++
	case method == "PUT":
		h.writes++
		if code == http.StatusOK {
			h.told++
			h.written[id] = append(h.written[id], write{product.Version, to})
		}
	default:
		h.reads++
		if want := h.newest(id, from.Add(-staleBound-slack)); product.Version < want {
			h.problem("GET %s of %s gave version %d, though %d was written more than %v before", id, p.id, product.Version, want, staleBound+slack)
		}
	}
}

// expectSound fails the test if a client was told something wrong.
func (h *history) expectSound(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	t.Logf("%d reads, %d writes, %d of them told at once, %d refused", h.reads, h.writes, h.told, h.failed)
	for i, problem := range h.problems {
		if i == 10 {
			t.Errorf("and %d more", len(h.problems)-i)
			break
		}
		t.Error(problem)
	}
	if h.reads < 1000 || h.told < 50 {
		t.Error("the clients did too little for the test to mean anything")
	}
	if done := h.reads + h.writes; h.failed > done/20 {
		t.Errorf("%d of %d requests were refused", h.failed, done+h.failed)
	}
}

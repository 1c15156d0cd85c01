package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// requestTimeout bounds every request, whatever hangs behind the service.
const requestTimeout = time.Second

// server answers HTTP requests.
type server struct {
	catalogue *catalogue
	store     *store
	node      *cache.Node
	port      coordination.Diagnostics
	leads     func() bool // the nightly job
	logger    *slog.Logger
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products/{id}", s.get)
	mux.HandleFunc("PUT /products/{id}", s.put)
	mux.HandleFunc("GET /reports", s.listReports)
	mux.HandleFunc("GET /status", s.status)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {}) // the process answers
	mux.HandleFunc("GET /readyz", s.ready)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (s *server) get(w http.ResponseWriter, r *http.Request) {
	product, err := s.catalogue.get(r.Context(), r.PathValue("id"))
	s.answer(w, r, http.StatusOK, product, err)
}

// put answers 200 when the other nodes were told to drop the old value, and 202
// when they will be: the backend does not answer, and the value is stored.
func (s *server) put(w http.ResponseWriter, r *http.Request) {
	var product Product
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&product); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	product.ID = r.PathValue("id")
	told, err := s.catalogue.setPrice(r.Context(), &product)
	code := http.StatusOK
	if !told {
		code = http.StatusAccepted
	}
	s.answer(w, r, code, product, err)
}

func (s *server) listReports(w http.ResponseWriter, r *http.Request) {
	reports, err := s.store.reports(r.Context())
	s.answer(w, r, http.StatusOK, reports, err)
}

func (s *server) status(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, http.StatusOK, struct {
		Readable, Connected, Leading bool
		Cache                        any
	}{s.node.Readable(), s.node.Status().Connected, s.leads(), s.catalogue.products.Stats()}, nil)
}

// ready says whether the node should get requests. One that is cut off from the
// backend still answers, from the database.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	if s.node.Status().DuplicateNodeID {
		http.Error(w, "another live node has this NODE_ID", http.StatusServiceUnavailable)
		return
	}
	healthy, err := s.port.HealthCheck(r.Context())
	s.answer(w, r, http.StatusOK, struct{ Backend bool }{err == nil && healthy}, nil)
}

func (s *server) answer(w http.ResponseWriter, r *http.Request, code int, body any, err error) {
	switch {
	case errors.Is(err, cache.ErrNotFound):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		s.logger.WarnContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body) // whoever asked may have gone
	}
}

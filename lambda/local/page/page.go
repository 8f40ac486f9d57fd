// Package page is the page of a world that runs on this machine: it shows
// executions, the network, events, messages and reports to people who have no
// console of AWS or Databricks to look at. It changes nothing.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/chat"
	"lakegate/lambda/plan"
)

//go:embed web
var web embed.FS

// Chat has the messages of all chat products, the oldest first.
type Chat interface{ Messages() []chat.Message }

// TimeHeader of an answer is the time of the world, and so is no part of what an
// ETag is of.
const TimeHeader = "Lakegate-Time"

// page serves one world.
type page struct {
	world *emulator.World
	chat  Chat

	mu sync.Mutex
	// progress of executions, by ARN.
	progress map[string]*progress
}

// New returns the page of a world and of the messages that its chat products
// have got. It is to be served on loopback only, and answers no name but that of
// this machine.
func New(w *emulator.World, messages Chat) http.Handler {
	p := &page{world: w, chat: messages, progress: map[string]*progress{}}
	mux := http.NewServeMux()
	for pattern, answer := range map[string]func(*http.Request) (any, error){
		"/api/machines":  func(*http.Request) (any, error) { return machines(), nil },
		"/api/snapshot":  p.snapshot,
		"/api/execution": p.execution,
		"/api/step":      p.step,
		"/api/world":     p.network,
		"/api/events":    p.events,
		"/api/event":     p.event,
		"/api/messages":  p.messages,
		"/api/report":    p.report,
	} {
		mux.HandleFunc("GET "+pattern, p.json(answer))
	}
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic(err)
	}
	mux.HandleFunc("GET /", func(rw http.ResponseWriter, r *http.Request) { serveFile(rw, r, files) })
	return guard(mux)
}

// headers of every answer: a browser runs only what is served here, and tells
// nobody.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cache-Control":                "no-cache",
}

// guard lets through only reads by a browser that was told to look at this
// machine: a page of others whose name leads here does not have its name.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			rw.Header().Set(name, value)
		}
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		switch {
		case host != "127.0.0.1" && host != "localhost":
			http.Error(rw, "this page is only for this machine: open it by http://127.0.0.1", http.StatusForbidden)
		case r.Method != http.MethodGet:
			rw.Header().Set("Allow", http.MethodGet)
			http.Error(rw, "this page only shows, and changes nothing", http.StatusMethodNotAllowed)
		default:
			next.ServeHTTP(rw, r)
		}
	})
}

// types of the page's files: those that a machine knows may differ.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

func serveFile(rw http.ResponseWriter, r *http.Request, files fs.FS) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	body, err := fs.ReadFile(files, name)
	if err != nil {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("Content-Type", types[path.Ext(name)])
	rw.Header().Set("ETag", etag(body))
	http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(body))
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}

// unknown is an error for what does not exist.
type unknown string

func (u unknown) Error() string { return string(u) + " does not exist" }

// json answers with a value, or with 304 if the browser has it.
func (p *page) json(answer func(*http.Request) (any, error)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		value, err := answer(r)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusNotFound)
			return
		}
		body, err := json.Marshal(value)
		if err != nil {
			http.Error(rw, fmt.Sprintf("encoding the answer: %v", err), http.StatusInternalServerError)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set(TimeHeader, p.world.Clock.Now().UTC().Format(time.RFC3339Nano))
		rw.Header().Set("ETag", etag(body))
		http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(body))
	}
}

// snapshot is what tells the page where to look.
type snapshot struct {
	// Speed of the clock; 0 means that it is virtual.
	Speed      float64     `json:"speed"`
	Region     string      `json:"region"`
	Executions []execution `json:"executions"`
	// Workspaces are the names of those that an execution worked on.
	Workspaces []string `json:"workspaces"`
	// Events counts those on the bus of this project; LastEvent is the id of the
	// newest one on any bus.
	Events    int    `json:"events"`
	LastEvent string `json:"lastEvent"`
	Messages  int    `json:"messages"`
	Reports   []kept `json:"reports"`
}

// execution is one of a state machine, without its steps.
type execution struct {
	ARN       string    `json:"arn"`
	Name      string    `json:"name"`
	Machine   string    `json:"machine"`
	Workspace string    `json:"workspace"`
	Status    string    `json:"status"`
	Start     time.Time `json:"start"`
	Stop      time.Time `json:"stop,omitzero"`
	Redrives  int       `json:"redrives,omitempty"`
	Events    int       `json:"events"`
}

// mostExecutions are shown: those before them are history.
const mostExecutions = 200

func (p *page) snapshot(*http.Request) (any, error) {
	out := snapshot{
		Speed: p.world.Config.Speed, Region: p.world.Config.Region, Messages: len(p.chat.Messages()),
		Executions: []execution{}, Workspaces: []string{}, Reports: p.reports(),
	}
	for _, v := range p.world.Executions.Views(mostExecutions) {
		x := executionOf(v)
		out.Executions = append(out.Executions, x)
		if x.Workspace != "" && !slices.Contains(out.Workspaces, x.Workspace) {
			out.Workspaces = append(out.Workspaces, x.Workspace)
		}
	}
	for _, e := range p.world.Events.Events("") {
		out.LastEvent = e.ID
		if e.Bus == plan.EventBusName {
			out.Events++
		}
	}
	return out, nil
}

// message is what a chat product has got.
type message struct {
	// Product is slack, teams, amazonq or webhook.
	Product string `json:"product"`
	// ID of the message where the product gives one, and Thread that of the thread
	// that it is put under.
	ID      string            `json:"id,omitempty"`
	Thread  string            `json:"thread,omitempty"`
	Time    time.Time         `json:"time"`
	Payload json.RawMessage   `json:"payload"`
	Headers map[string]string `json:"headers,omitempty"`
}

func (p *page) messages(*http.Request) (any, error) {
	out := []message{}
	for _, m := range p.chat.Messages() {
		out = append(out, message(m))
	}
	return out, nil
}

package codecommit

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"path/filepath"
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/wire"
)

// GitPath is where the addresses of repositories begin.
const GitPath = "/v1/repos/"

// maxPush bounds what a client sends at once.
const maxPush = 512 << 20

// actions are what git asks for, with the names that IAM has for them.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodecommit.html
var actions = map[string]string{
	"GET info/refs?service=git-upload-pack":  "GitPull",
	"POST git-upload-pack":                   "GitPull",
	"GET info/refs?service=git-receive-pack": "GitPush",
	"POST git-receive-pack":                  "GitPush",
}

// ServeHTTP serves git under GitPath, by the smart HTTP protocol. It asks for
// credentials, as the service does, and takes any; the user is who pushes in
// events.
// https://git-scm.com/docs/http-protocol
func (s *Service) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	release := s.hub.Clock.Hold()
	defer release()
	user, _, ok := req.BasicAuth()
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="CodeCommit"`)
		http.Error(w, "credentials are required, and any will do", http.StatusUnauthorized)
		return
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, GitPath), "/")
	asked := req.Method + " " + rest
	if rest == "info/refs" {
		asked += "?service=" + req.URL.Query().Get("service")
	}
	action := actions[asked]
	r, err := s.served(name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r == nil || action == "" {
		http.NotFound(w, req)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxPush))
	if err != nil {
		http.Error(w, "reading what git sends: "+err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	c := &wire.Call{Service: "codecommit", Action: action, Caller: user, Region: r.region, Time: s.hub.Clock.Now(), Body: body, HTTP: req}
	push := asked == "POST git-receive-pack"
	act := func() *wire.Response { return s.backend(c, r, rest) }
	if push {
		act = func() *wire.Response { return s.receive(c, r, rest) }
	}
	reply := s.hub.Do(c, push, act, refusal)
	if reply == nil {
		panic(http.ErrAbortHandler)
	}
	for k, v := range reply.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body)
}

// served is the repository of a name, or nil.
func (s *Service) served(name string) (*repository, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repositories[name]
	if r == nil {
		return nil, nil
	}
	return r, s.place(r)
}

func refusal(e *wire.Error) *wire.Response {
	return &wire.Response{
		Status: max(e.Status, http.StatusBadRequest), Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte(e.Error() + "\n"),
	}
}

// receive takes a push while nothing else changes, and tells what it changed.
func (s *Service) receive(c *wire.Call, r *repository, path string) *wire.Response {
	q := &request{Call: c, caller: s.arn(c.Caller)}
	reply := func() *wire.Response {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.repositories[r.name] != r {
			return refusal(&wire.Error{Status: http.StatusNotFound, Code: "RepositoryDoesNotExistException", Message: r.name + " does not exist"})
		}
		reply := s.backend(c, r, path)
		if err := s.settle(q, r, nil); err != nil {
			return refusal(&wire.Error{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: err.Error()})
		}
		return reply
	}()
	s.tell(q)
	return reply
}

// backend lets git answer.
// https://git-scm.com/docs/git-http-backend
func (s *Service) backend(c *wire.Call, r *repository, path string) *wire.Response {
	var failure bytes.Buffer
	h := cgi.Handler{
		Path: r.program, Args: append(slices.Clone(settings), "http-backend"), Dir: r.folder, Root: "/",
		Env:    append(slices.Clone(environment), "GIT_HTTP_EXPORT_ALL=1", "GIT_PROJECT_ROOT="+filepath.Dir(r.folder)),
		Stderr: &failure, Logger: log.New(&failure, "", 0),
	}
	req := c.HTTP.Clone(c.HTTP.Context())
	req.URL.Path = "/" + r.id + "/" + path
	// A CGI program must know how long the body is.
	req.Body, req.ContentLength, req.TransferEncoding = io.NopCloser(bytes.NewReader(c.Body)), int64(len(c.Body)), nil
	w := &recorder{wire.Response{Header: http.Header{}}}
	h.ServeHTTP(w, req)
	if w.response.Status == http.StatusInternalServerError {
		fmt.Fprintf(w, "git http-backend: %s\n", bytes.TrimSpace(failure.Bytes()))
	}
	return &w.response
}

// recorder keeps a reply.
type recorder struct{ response wire.Response }

func (r *recorder) Header() http.Header { return r.response.Header }

func (r *recorder) WriteHeader(status int) {
	if r.response.Status == 0 {
		r.response.Status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.response.Body = append(r.response.Body, p...)
	return len(p), nil
}

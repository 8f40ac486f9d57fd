package wire

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
)

// maxBody bounds what a request may carry.
const maxBody = 16 << 20

// Router serves all emulated AWS services on one address.
type Router struct {
	// Identify notes who is behind the access key of a call, and which account it
	// leads to; nil means that the key is the caller's name, and that there is one
	// account. Refuse says why a caller may not make a call; nil means that all
	// may. Both are set before the first call.
	Identify func(*Call)
	Refuse   func(*Call) *Error

	hub      *Hub
	services map[place]*Service
	requests atomic.Int64
}

// place is where a service is: in an account, or in all of them.
type place struct{ account, name string }

// NewRouter returns a router without services.
func NewRouter(hub *Hub) *Router { return &Router{hub: hub, services: map[place]*Service{}} }

// Serve adds a service, whichever account a call is for.
func (r *Router) Serve(s *Service) { r.services[place{name: s.Name}] = s }

// ServeIn adds the service of one account.
func (r *Router) ServeIn(account string, s *Service) { r.services[place{account, s.Name}] = s }

func (r *Router) find(account, name string) (*Service, bool) {
	if s, ok := r.services[place{account, name}]; ok {
		return s, true
	}
	s, ok := r.services[place{name: name}]
	return s, ok
}

// credential finds access key id, region and service in the Authorization
// header or in the query of a presigned request.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
var credential = regexp.MustCompile(`Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request`)

// ServeHTTP finds the service and the action of a request and serves it.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	release := r.hub.Clock.Hold()
	defer release()
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, "reading request body: "+err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	c := &Call{
		RequestID: fmt.Sprintf("00000000-0000-4000-8000-%012x", r.requests.Add(1)),
		Time:      r.hub.Clock.Now(), Body: body, HTTP: req,
	}
	scope := req.Header.Get("Authorization")
	if scope == "" {
		scope = "Credential=" + req.URL.Query().Get("X-Amz-Credential")
	}
	m := credential.FindStringSubmatch(scope)
	if m == nil {
		http.Error(w, "the request is not signed (AWS Signature Version 4)", http.StatusForbidden)
		return
	}
	c.AccessKey, c.Caller, c.Region, c.Service = m[1], m[1], m[2], m[3]
	if r.Identify != nil {
		r.Identify(c)
	}
	s, ok := r.find(c.Account, c.Service)
	if !ok {
		http.Error(w, fmt.Sprintf("the service %q is not emulated in account %q", c.Service, c.Account), http.StatusNotImplemented)
		return
	}
	reply := r.serve(s, c)
	if reply == nil {
		cut(w)
		return
	}
	for k, v := range reply.Header {
		w.Header()[k] = v
	}
	w.Header().Set("x-amzn-RequestId", c.RequestID)
	if w.Header().Get("x-amz-request-id") == "" {
		w.Header().Set("x-amz-request-id", c.RequestID)
	}
	if len(reply.Body) > 0 && req.Method != http.MethodHead && w.Header().Get("Content-Length") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body)
}

// cut closes the connection without a reply.
func cut(w http.ResponseWriter) {
	if hijacker, ok := w.(http.Hijacker); ok {
		if conn, _, err := hijacker.Hijack(); err == nil {
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

func (r *Router) serve(s *Service, c *Call) *Response {
	refuse := func(e *Error) *Response { return s.encodeError(c, e) }
	switch s.Protocol {
	case EC2Query, Query:
		form, err := url.ParseQuery(string(c.Body))
		if err != nil {
			return refuse(&Error{Code: "MalformedInput", Message: err.Error()})
		}
		if len(form) == 0 {
			form = c.HTTP.URL.Query()
		}
		c.Form, c.Action = form, form.Get("Action")
	case JSON10, JSON11:
		target := c.HTTP.Header.Get("X-Amz-Target")
		c.Action = target[strings.LastIndex(target, ".")+1:]
	case REST:
		c.Action = s.Route(c.HTTP)
	}
	op, ok := s.Operations[c.Action]
	if !ok {
		return refuse(&Error{Status: http.StatusNotImplemented, Code: "NotImplemented",
			Message: fmt.Sprintf("%s:%s is not emulated", s.Name, c.Action)})
	}
	act := func() *Response {
		if r.Refuse != nil {
			if e := r.Refuse(c); e != nil {
				return refuse(e)
			}
		}
		result, err := op(c)
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok {
				e = &Error{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: err.Error()}
			}
			return refuse(e)
		}
		return s.encode(c, result)
	}
	return r.hub.Do(c, Mutating(c.Action), act, refuse)
}

// reads are the beginnings of the names of actions that change nothing.
var reads = []string{"Describe", "Get", "List", "Head", "Lookup", "Simulate", "Test", "Validate", "Filter"}

// Mutating says whether an action can change something.
func Mutating(action string) bool {
	for _, prefix := range reads {
		if strings.HasPrefix(action, prefix) {
			return false
		}
	}
	return true
}

func (s *Service) encode(c *Call, result any) *Response {
	switch s.Protocol {
	case EC2Query, Query:
		var out bytes.Buffer
		out.WriteString(xml.Header)
		fmt.Fprintf(&out, `<%sResponse xmlns=%q>`, c.Action, s.Namespace)
		if s.Protocol == EC2Query {
			fmt.Fprintf(&out, "<requestId>%s</requestId>", c.RequestID)
			mustXML(&out, result)
		} else {
			fmt.Fprintf(&out, "<%sResult>", c.Action)
			mustXML(&out, result)
			fmt.Fprintf(&out, "</%sResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata>", c.Action, c.RequestID)
		}
		fmt.Fprintf(&out, "</%sResponse>", c.Action)
		return &Response{Status: 200, Header: http.Header{"Content-Type": {"text/xml;charset=UTF-8"}}, Body: out.Bytes()}
	case JSON10, JSON11:
		if result == nil {
			result = struct{}{}
		}
		return &Response{Status: 200, Header: http.Header{"Content-Type": {s.contentType()}}, Body: mustJSON(result)}
	default:
		return result.(*Response)
	}
}

func (s *Service) encodeError(c *Call, e *Error) *Response {
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	var out bytes.Buffer
	switch s.Protocol {
	case EC2Query:
		out.WriteString(xml.Header + "<Response><Errors><Error><Code>")
		_ = xml.EscapeText(&out, []byte(e.Code))
		out.WriteString("</Code><Message>")
		_ = xml.EscapeText(&out, []byte(e.Message))
		fmt.Fprintf(&out, "</Message></Error></Errors><RequestID>%s</RequestID></Response>", c.RequestID)
		return &Response{Status: status, Header: http.Header{"Content-Type": {"text/xml;charset=UTF-8"}}, Body: out.Bytes()}
	case Query:
		kind := "Sender"
		if status >= 500 {
			kind = "Receiver"
		}
		fmt.Fprintf(&out, `<ErrorResponse xmlns=%q><Error><Type>%s</Type><Code>`, s.Namespace, kind)
		_ = xml.EscapeText(&out, []byte(e.Code))
		out.WriteString("</Code><Message>")
		_ = xml.EscapeText(&out, []byte(e.Message))
		fmt.Fprintf(&out, "</Message></Error><RequestId>%s</RequestId></ErrorResponse>", c.RequestID)
		return &Response{Status: status, Header: http.Header{"Content-Type": {"text/xml"}}, Body: out.Bytes()}
	case JSON10, JSON11:
		doc := map[string]any{"__type": e.Code, "message": e.Message}
		for k, v := range e.Extra {
			doc[k] = v
		}
		header := http.Header{"Content-Type": {s.contentType()}, "X-Amzn-Errortype": {e.Code}}
		maps.Copy(header, e.Header)
		return &Response{Status: status, Header: header, Body: mustJSON(doc)}
	default:
		return s.Fail(c, e)
	}
}

func (s *Service) contentType() string {
	if s.Protocol == JSON10 {
		return "application/x-amz-json-1.0"
	}
	return "application/x-amz-json-1.1"
}

// mustXML writes the members of a result; nil is an empty result.
func mustXML(out *bytes.Buffer, result any) {
	if result == nil {
		return
	}
	// The protocol names the outer element, so the one of the value is removed.
	var element bytes.Buffer
	enc := xml.NewEncoder(&element)
	if err := enc.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: "result"}}); err != nil {
		panic(fmt.Sprintf("encoding %T: %v", result, err))
	}
	text := element.Bytes()
	if start, end := bytes.IndexByte(text, '>'), bytes.LastIndexByte(text, '<'); start >= 0 && end > start {
		out.Write(text[start+1 : end])
	}
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encoding %T: %v", v, err))
	}
	return text
}

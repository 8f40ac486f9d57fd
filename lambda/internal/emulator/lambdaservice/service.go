// Package lambdaservice is the emulated AWS Lambda API: functions are handlers
// in this process, called as the runtime calls them.
package lambdaservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/telemetry"
)

// Handler is a function: JSON in, JSON out.
type Handler func(ctx context.Context, payload []byte) ([]byte, error)

// Service holds the functions of one account and region. It is safe for
// concurrent use.
type Service struct {
	// Log takes what functions write, line by line; nil means that it is not kept.
	// It is set before the first function is called.
	Log func(function, stream, line string)

	hub             *wire.Hub
	account, region string

	requests atomic.Int64

	mu        sync.Mutex
	functions map[string]function
}

type function struct {
	handler     Handler
	timeout     time.Duration
	environment map[string]string
}

// New returns a service without functions.
func New(hub *wire.Hub, account, region string) *Service {
	return &Service{hub: hub, account: account, region: region, functions: map[string]function{}}
}

// Register adds a function, or replaces it. The environment is what the API says
// of it; the handler has got it already.
func (s *Service) Register(name string, timeout time.Duration, environment map[string]string, h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.functions[name] = function{h, timeout, environment}
}

// ARN of a function.
func (s *Service) ARN(name string) string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", s.region, s.account, name)
}

// Invoke calls a function by name or ARN, as the services do. Faults that are
// injected for lambda:Invoke strike here.
func (s *Service) Invoke(ctx context.Context, resource string, payload []byte) ([]byte, *asl.TaskError) {
	held := &hold{s.hub.Clock.Hold()}
	defer func() { held.release() }()
	ctx = context.WithValue(ctx, holdKey{}, held)
	var out []byte
	var failed *asl.TaskError
	call := &wire.Call{Service: "lambda", Action: "Invoke", Caller: nameOf(resource), Region: s.region, Time: s.hub.Clock.Now(), Body: payload}
	reply := s.hub.Do(call, false, func() *wire.Response {
		out, failed = s.call(ctx, nameOf(resource), payload)
		return &wire.Response{Status: http.StatusOK}
	}, func(e *wire.Error) *wire.Response {
		name := "Lambda.ServiceException"
		if e.Code == "TooManyRequestsException" {
			name = "Lambda.TooManyRequestsException"
		}
		failed = &asl.TaskError{Error: name, Cause: e.Message}
		return &wire.Response{Status: e.Status}
	})
	if reply == nil {
		return nil, &asl.TaskError{Error: "Lambda.SdkClientException", Cause: "no reply came"}
	}
	return out, failed
}

// hold is that of an invocation on the clock.
type hold struct{ release func() }

// holdKey is the key under which a context has it.
type holdKey struct{}

// Pause lets time pass within an invocation, for a handler that was invoked by a
// service which holds the clock once.
func (s *Service) Pause(ctx context.Context, d time.Duration) error {
	held, ok := ctx.Value(holdKey{}).(*hold)
	if !ok {
		return errors.New("pausing: this is no invocation")
	}
	held.release()
	err := s.hub.Clock.Sleep(ctx, d)
	held.release = s.hub.Clock.Hold()
	return err
}

func nameOf(resource string) string {
	if i := strings.Index(resource, ":function:"); i >= 0 {
		resource, _, _ = strings.Cut(resource[i+len(":function:"):], ":")
	}
	return resource
}

// call runs a handler as the runtime does: with a deadline, and with the type
// name of its error as the error's name.
func (s *Service) call(ctx context.Context, name string, payload []byte) (out []byte, failed *asl.TaskError) {
	s.mu.Lock()
	f, ok := s.functions[name]
	s.mu.Unlock()
	if !ok {
		return nil, &asl.TaskError{Error: "Lambda.ResourceNotFoundException", Cause: "Function not found: " + s.ARN(name)}
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	request := fmt.Sprintf("00000000-0000-4000-8000-%012x", s.requests.Add(1))
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: request, InvokedFunctionArn: s.ARN(name)})
	if s.Log != nil {
		l := s.begin(name, request)
		ctx = telemetry.To(ctx, telemetry.Output{Lines: l})
		defer func() { l.end(failed) }()
	}
	defer func() {
		if v := recover(); v != nil {
			failed = taskError(reflect.TypeOf(v).String(), fmt.Sprint(v), string(debug.Stack()))
		}
	}()
	out, err := f.handler(ctx, payload)
	if err == nil {
		return out, nil
	}
	if ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, taskError("Sandbox.Timedout", fmt.Sprintf("Error: Task timed out after %.2f seconds", f.timeout.Seconds()), "")
	}
	// The runtime asserts the type of the outermost error and does not unwrap.
	if e, ok := err.(messages.InvokeResponse_Error); ok { //nolint:errorlint // as the runtime does
		return nil, taskError(e.Type, e.Message, "")
	}
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return nil, taskError(t.Name(), err.Error(), "")
}

func taskError(name, message, _ string) *asl.TaskError {
	cause, err := json.Marshal(map[string]string{"errorMessage": message, "errorType": name})
	if err != nil {
		panic(err)
	}
	return &asl.TaskError{Error: name, Cause: string(cause)}
}

// Wire returns the API as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{
		Name: "lambda", Protocol: wire.REST,
		Operations: map[string]wire.Operation{
			"InvokeFunction": s.invoke, "GetFunction": s.getFunction, "ListFunctions": s.listFunctions,
			"GetFunctionConfiguration": s.getFunctionConfiguration,
		},
		Route: func(r *http.Request) string {
			path := r.URL.EscapedPath()
			switch {
			case r.Method == http.MethodPost && strings.HasPrefix(path, "/2015-03-31/functions/") && strings.HasSuffix(path, "/invocations"):
				return "InvokeFunction"
			case r.Method == http.MethodGet && strings.TrimSuffix(path, "/") == "/2015-03-31/functions":
				return "ListFunctions"
			case r.Method == http.MethodGet && strings.HasPrefix(path, "/2015-03-31/functions/") && strings.Count(path, "/") == 3:
				return "GetFunction"
			case r.Method == http.MethodGet && strings.HasPrefix(path, "/2015-03-31/functions/") && strings.HasSuffix(path, "/configuration"):
				return "GetFunctionConfiguration"
			}
			return ""
		},
		Fail: func(_ *wire.Call, e *wire.Error) *wire.Response {
			status := e.Status
			if status == 0 {
				status = http.StatusBadRequest
			}
			return reply(status, http.Header{"X-Amzn-Errortype": {e.Code}}, map[string]string{"Type": "User", "Message": e.Message})
		},
	}
}

func reply(status int, header http.Header, body any) *wire.Response {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return &wire.Response{Status: status, Header: header, Body: text}
}

// function finds the function that a path names, by name or by encoded ARN.
func (s *Service) function(c *wire.Call) (string, function, error) {
	path := strings.TrimPrefix(c.HTTP.URL.EscapedPath(), "/2015-03-31/functions/")
	path, _, _ = strings.Cut(path, "/")
	name, err := url.PathUnescape(path)
	if err != nil {
		return "", function{}, &wire.Error{Code: "InvalidParameterValueException", Message: err.Error()}
	}
	name = nameOf(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.functions[name]
	if !ok {
		return "", f, &wire.Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: "Function not found: " + s.ARN(name)}
	}
	return name, f, nil
}

func (s *Service) invoke(c *wire.Call) (any, error) {
	name, _, err := s.function(c)
	if err != nil {
		return nil, err
	}
	if kind := c.HTTP.Header.Get("X-Amz-Invocation-Type"); kind != "" && kind != "RequestResponse" {
		return nil, &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "invocation type " + kind + " is not emulated"}
	}
	payload := c.Body
	if len(payload) == 0 {
		payload = []byte("null")
	}
	out, failed := s.call(c.HTTP.Context(), name, payload)
	if failed != nil {
		return &wire.Response{Status: http.StatusOK, Header: http.Header{"X-Amz-Function-Error": {"Unhandled"}}, Body: []byte(failed.Cause)}, nil
	}
	return &wire.Response{Status: http.StatusOK, Header: http.Header{"X-Amz-Executed-Version": {"$LATEST"}}, Body: out}, nil
}

func (s *Service) configuration(name string, f function) map[string]any {
	return map[string]any{
		"FunctionName": name, "FunctionArn": s.ARN(name), "Runtime": "provided.al2023", "Handler": "bootstrap",
		"Timeout": int(f.timeout.Seconds()), "Architectures": []string{"arm64"}, "State": "Active", "Version": "$LATEST",
		"Environment": map[string]any{"Variables": f.environment},
	}
}

func (s *Service) getFunction(c *wire.Call) (any, error) {
	name, f, err := s.function(c)
	if err != nil {
		return nil, err
	}
	return reply(http.StatusOK, nil, map[string]any{"Configuration": s.configuration(name, f)}), nil
}

// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
func (s *Service) getFunctionConfiguration(c *wire.Call) (any, error) {
	name, f, err := s.function(c)
	if err != nil {
		return nil, err
	}
	return reply(http.StatusOK, nil, s.configuration(name, f)), nil
}

func (s *Service) listFunctions(*wire.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.functions {
		names = append(names, name)
	}
	slices.Sort(names)
	list := []any{}
	for _, name := range names {
		list = append(list, s.configuration(name, s.functions[name]))
	}
	return reply(http.StatusOK, nil, map[string]any{"Functions": list}), nil
}

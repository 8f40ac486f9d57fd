// Package telemetry says what the functions do, for people who operate them:
// log lines that name what they are about, metrics in the embedded format of
// CloudWatch, and trace segments for X-Ray.
//
// It is the standard library and nothing else, so that the binary stays small
// and starts fast. Nothing here fails an invocation or waits for anybody: what
// cannot be written is lost. What is written holds names, ids and classes, never
// a secret.
package telemetry

import (
	"context"
	"io"
	"sync"
	"time"
)

// Output is where telemetry goes. The zero value keeps none.
type Output struct {
	// Lines takes log lines and metrics, one JSON object in a line, each by one call
	// of Write.
	Lines io.Writer
	// Segments takes trace segments, each by one call of Write: a connection to the
	// daemon of X-Ray.
	Segments io.Writer
}

// outputKey and invocationKey are the keys of what a context carries.
type (
	outputKey     struct{}
	invocationKey struct{}
)

// To returns a context whose telemetry goes to an output.
func To(ctx context.Context, out Output) context.Context {
	return context.WithValue(ctx, outputKey{}, out)
}

func outputOf(ctx context.Context) Output {
	out, _ := ctx.Value(outputKey{}).(Output)
	return out
}

// Subject is what an invocation works on. What is not known is empty.
type Subject struct {
	// Workspace is metadata.name of the spec.
	Workspace string
	// Revision of the spec, as path@version.
	Revision string
	// Execution is the name of the execution.
	Execution string
	// Mode is Apply or Verify.
	Mode string
}

// Invocation is one invocation of a function.
type Invocation struct {
	step      string
	requestID string
	trace     trace
	began     time.Time
	now       func() time.Time

	mu      sync.Mutex
	subject Subject
	did     done
}

// done is what a step has said of itself.
type done struct {
	outcome  string
	waited   time.Duration
	finished bool
}

// Begin begins an invocation of the function of a step. The request id and the
// trace header are those of the runtime; either may be empty.
func Begin(ctx context.Context, step, requestID, traceHeader string, now func() time.Time) (context.Context, *Invocation) {
	i := &Invocation{step: step, requestID: requestID, trace: parseTrace(traceHeader), began: now(), now: now}
	return context.WithValue(ctx, invocationKey{}, i), i
}

func invocationOf(ctx context.Context) *Invocation {
	i, _ := ctx.Value(invocationKey{}).(*Invocation)
	return i
}

// About says what the invocation of a context works on, from when on each of its
// log lines and metrics says so. Where there is no invocation, it does nothing.
func About(ctx context.Context, s Subject) {
	if i := invocationOf(ctx); i != nil {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.subject = s
	}
}

// Did says what a step has done, or plan.OutcomeSent. Waited is for how long it has looked by now,
// over all invocations; 0 for a step that does not wait. Finished says that it
// need not look again.
func Did(ctx context.Context, outcome string, waited time.Duration, finished bool) {
	if i := invocationOf(ctx); i != nil {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.did = done{outcome, waited, finished}
	}
}

// property is one member of a line, beside what the line itself says.
type property struct{ name, value string }

// properties are what each line of an invocation has.
func (i *Invocation) properties() []property {
	i.mu.Lock()
	s := i.subject
	i.mu.Unlock()
	var out []property
	for _, p := range []property{
		{"workspace", s.Workspace}, {"revision", s.Revision}, {"step", i.step}, {"execution", s.Execution},
		{"requestId", i.requestID}, {"traceId", i.trace.root},
	} {
		if p.value != "" {
			out = append(out, p)
		}
	}
	return out
}

package telemetry

import (
	"context"
	"io"
	"log/slog"
)

// NewHandler returns a handler of log lines for log/slog. Lines that are logged
// with the context of an invocation say what it is about and go to the output of
// the context; others go to w.
func NewHandler(w io.Writer) slog.Handler { return handler{otherwise: w} }

type handler struct {
	otherwise io.Writer
	// added is what loggers have added to all of their lines.
	added []func(slog.Handler) slog.Handler
}

// named calls the members of a line as AWS Lambda calls them.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
var named = &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		a.Key = "timestamp"
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}}

// Enabled leaves debug lines out.
func (h handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle writes a line.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	w := h.otherwise
	if lines := outputOf(ctx).Lines; lines != nil {
		w = lines
	}
	// Which writer it is differs from line to line, so that a handler lasts for one.
	var line slog.Handler = slog.NewJSONHandler(w, named)
	if i := invocationOf(ctx); i != nil {
		var attrs []slog.Attr
		for _, p := range i.properties() {
			attrs = append(attrs, slog.String(p.name, p.value))
		}
		line = line.WithAttrs(attrs)
		r.Time = i.now()
	}
	for _, add := range h.added {
		line = add(line)
	}
	return line.Handle(ctx, r)
}

// WithAttrs returns a handler whose lines have the attributes, too.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(inner slog.Handler) slog.Handler { return inner.WithAttrs(attrs) })
}

// WithGroup returns a handler that puts what follows into a group.
func (h handler) WithGroup(name string) slog.Handler {
	return h.with(func(inner slog.Handler) slog.Handler { return inner.WithGroup(name) })
}

func (h handler) with(add func(slog.Handler) slog.Handler) slog.Handler {
	h.added = append(h.added[:len(h.added):len(h.added)], add)
	return h
}

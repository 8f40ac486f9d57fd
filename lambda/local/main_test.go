package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/creack/pty"
)

// asCommand makes the test binary the command that it tests.
const asCommand = "LAKEGATE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// start runs the command on a terminal of a size. Everything that comes out of
// it is passed to seen.
func start(t *testing.T, size pty.Winsize, environment []string, seen func(terminal *os.File, all []byte), args ...string) (all []byte, err error) {
	t.Helper()
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = terminal.Close(), tty.Close() }()
	if err := pty.Setsize(terminal, &size); err != nil {
		t.Fatal(err)
	}
	before, err := term.GetState(tty.Fd())
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = "../.."
	cmd.Env = append([]string{asCommand + "=1", "HOME=" + t.TempDir()}, environment...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	// Its standard input is the terminal whose keys send it signals.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		piece := make([]byte, 4096)
		for {
			n, err := terminal.Read(piece)
			if all = append(all, piece[:n]...); seen != nil {
				seen(terminal, all)
			}
			if err != nil || bytes.HasSuffix(all, []byte(endOfRun)) {
				return
			}
		}
	}()
	err = cmd.Wait()
	after, stateErr := term.GetState(tty.Fd())
	if stateErr != nil {
		t.Fatal(stateErr)
	}
	if *after != *before {
		t.Error("the terminal is not as it was")
	}
	// What is left in the terminal comes before this.
	if _, err := io.WriteString(tty, endOfRun); err != nil {
		t.Fatal(err)
	}
	select {
	case <-read:
	case <-time.After(time.Minute):
		t.Fatal("the terminal is not at its end")
	}
	return bytes.TrimSuffix(all, []byte(endOfRun)), err
}

const endOfRun = "\x04end of run\x04"

var (
	color  = regexp.MustCompile(`\x1b\[[0-9;:]*m`)
	escape = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)
)

func TestTerminal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		size           pty.Winsize
		environment    []string
		escapes, color bool
	}{
		{"wide", pty.Winsize{Cols: 120, Rows: 40}, []string{"TERM=xterm-256color"}, true, true},
		{"narrow", pty.Winsize{Cols: 40, Rows: 10}, []string{"TERM=xterm-256color"}, true, true},
		{"without colours", pty.Winsize{Cols: 120, Rows: 40}, []string{"TERM=xterm-256color", "NO_COLOR=1"}, true, false},
		{"dumb", pty.Winsize{Cols: 80, Rows: 24}, []string{"TERM=dumb"}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			all, err := start(t, test.size, test.environment, nil, "demo", "-spec", "spec/examples/minimal.yaml")
			if err != nil {
				t.Fatalf("%v\n%s", err, all)
			}
			text := string(escape.ReplaceAll(all, nil))
			for _, part := range []string{"execution minimal-", "✓ execution succeeded", "workspace minimal is ready", "nothing changed"} {
				if !strings.Contains(text, part) {
					t.Errorf("it does not say %q", part)
				}
			}
			if got := escape.Match(all); got != test.escapes {
				t.Errorf("escapes: %v, want %v", got, test.escapes)
			}
			if got := color.Match(all); got != test.color {
				t.Errorf("colours: %v, want %v", got, test.color)
			}
			if hidden, shown := bytes.LastIndex(all, []byte("\x1b[?25l")), bytes.LastIndex(all, []byte("\x1b[?25h")); hidden > shown {
				t.Error("the cursor stays hidden")
			}
		})
	}
}

// Ctrl-C ends what would run on, and leaves the terminal as it was, also one
// that has become another size.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	sent, resized := false, false
	all, err := start(t, pty.Winsize{Cols: 80, Rows: 24}, []string{"TERM=xterm-256color"}, func(terminal *os.File, all []byte) {
		if !resized && bytes.Contains(all, []byte("execution minimal-")) {
			resized = true
			if err := pty.Setsize(terminal, &pty.Winsize{Cols: 40, Rows: 10}); err != nil {
				t.Error(err)
			}
		}
		if !sent && bytes.Contains(all, []byte("AcquireLease")) {
			sent = true
			_, _ = terminal.Write([]byte{3})
		}
	}, "serve", "-spec", "spec/examples/minimal.yaml", "-aws-port", "0", "-databricks-port", "0")
	if err != nil {
		t.Fatalf("%v\n%s", err, all)
	}
	if !sent {
		t.Error("it ended before it was interrupted")
	}
	if !bytes.HasSuffix(bytes.TrimRight(all, "\r\n"), []byte("\x1b[?2004l")) || !bytes.Contains(all, []byte("\x1b[?25h")) {
		t.Errorf("it does not end with what restores the terminal: %q", all[max(0, len(all)-100):])
	}
}

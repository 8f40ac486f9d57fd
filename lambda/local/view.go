package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"charm.land/bubbles/v2/spinner"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"
)

// isTerminal says whether a view that moves can be shown on out.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(file.Fd()) && os.Getenv("TERM") != "dumb"
}

// show begins a view on the terminal. It is at its end, and all has been shown,
// when stop has returned.
func (f *follower) show() (stop func()) {
	f.live = true
	// Nothing is read: keys keep their meaning, Ctrl-C its signal, and the
	// terminal is asked nothing whose answer could come when all is over.
	program := tea.NewProgram(newView(f, stylesFor(colorprofile.Detect(f.out, os.Environ()))),
		tea.WithOutput(f.out), tea.WithInput(nil), tea.WithoutSignalHandler())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Without a view there are lines.
		_, _ = program.Run()
		f.settle()
	}()
	return func() {
		program.Send(over{})
		<-ended
	}
}

// over says to the view that all has been done.
type over struct{}

// styles are how a view shows what lines say.
type styles struct{ done, waiting, trouble, failed, faint, bold lipgloss.Style }

// stylesFor uses the colours that every terminal has, and none where none are
// wanted.
func stylesFor(p colorprofile.Profile) styles {
	s := lipgloss.NewStyle()
	if p < colorprofile.ANSI {
		return styles{s, s, s, s, s, s}
	}
	return styles{
		done: s.Foreground(lipgloss.Green), waiting: s.Foreground(lipgloss.Cyan), trouble: s.Foreground(lipgloss.Yellow),
		failed: s.Foreground(lipgloss.Red), faint: s.Faint(true), bold: s.Bold(true),
	}
}

func (s styles) of(mark string) lipgloss.Style {
	switch mark {
	case done:
		return s.done
	case waiting:
		return s.waiting
	case trouble:
		return s.trouble
	case failed:
		return s.failed
	}
	return s.faint
}

// view shows what runs, below the lines of what has been done.
type view struct {
	follower      *follower
	styles        styles
	spinner       spinner.Model
	width, height int
	drawn, over   bool
}

func newView(f *follower, s styles) view {
	return view{follower: f, styles: s, spinner: spinner.New(spinner.WithSpinner(spinner.MiniDot)), width: 80, height: 24}
}

// Init starts the spinner, by which everything else moves.
func (v view) Init() tea.Cmd { return v.spinner.Tick }

// Update takes what has been done to above the view, as often as the spinner
// moves: a virtual clock is faster than any terminal.
func (v view) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		v.width, v.height = max(msg.Width, 1), max(msg.Height, 1)
	case over:
		v.over = true
	case spinner.TickMsg:
		// Before the first frame it is not known where the view is.
		var above []tea.Cmd
		if v.drawn {
			above = v.above()
		}
		next := tea.Quit
		if !v.over || !v.drawn {
			v.spinner, next = v.spinner.Update(msg)
		}
		v.drawn = true
		return v, tea.Sequence(append(above, next)...)
	}
	return v, nil
}

// above prints the lines that have come since. What is printed at once has to
// fit above the view.
func (v view) above() []tea.Cmd {
	var commands []tea.Cmd
	var rows []string
	used := 0
	flush := func() {
		if used > 0 {
			commands = append(commands, tea.Println(strings.Join(rows, "\n")))
		}
		rows, used = nil, 0
	}
	for _, l := range v.follower.take() {
		for _, row := range v.rows(l) {
			high := 1 + max(0, ansi.StringWidth(row)-1)/v.width
			if used+high > v.height/2 {
				flush()
			}
			rows, used = append(rows, row), used+high
		}
	}
	flush()
	return commands
}

// rows are a line as it stands above the view, no wider than the terminal.
func (v view) rows(l line) []string {
	switch {
	case l.title != "":
		return []string{"", v.fit(v.styles.bold.Render(l.title))}
	case l.mark == "":
		return []string{l.text}
	case l.mark == failed:
		return v.failure(l, l.who)
	}
	text := v.styles.faint.Render(clockTime(l.at)) + "  " + v.styles.of(l.mark).Render(l.mark) + " "
	if l.who != "" {
		text += v.styles.bold.Render(l.who) + "  "
	}
	return []string{v.fit(text + v.columns(l.step, l.outcome, l.mark, l.reason))}
}

// columns of a step; a narrow terminal has no room for any.
func (v view) columns(step, outcome, mark, reason string) string {
	if v.width >= 72 {
		step, outcome = fmt.Sprintf("%-28s", step), fmt.Sprintf("%-9s", outcome)
	}
	return strings.TrimRight(step+" "+v.styles.of(mark).Render(outcome)+" "+v.styles.faint.Render(firstRow(reason)), " ")
}

// failure says in full how an execution failed.
func (v view) failure(l line, execution string) []string {
	text := v.styles.failed.Render(strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", failed, execution, l.step, l.outcome)), " ")) +
		v.styles.faint.Render(clockTime(l.at)) + "\n" + l.reason
	if l.remedy != "" {
		text += "\n" + v.styles.bold.Render("What to do:") + " " + l.remedy
	}
	return strings.Split(ansi.Wrap(text, v.width, ""), "\n")
}

// View shows each execution and what it does. What has no room is counted.
func (v view) View() tea.View {
	if v.over {
		return tea.NewView("")
	}
	v.follower.mu.Lock()
	defer v.follower.mu.Unlock()
	now := v.follower.now()
	var failures, rows []string
	for _, r := range v.follower.runs {
		if r.failed != nil {
			failures = append(failures, v.failure(*r.failed, r.name)...)
			continue
		}
		rows = append(rows, v.fit(v.styles.bold.Render(r.name)+v.styles.faint.Render(clockTime(now.Sub(r.start)))))
		for _, a := range r.active {
			rows = append(rows, v.activity(a, now))
		}
	}
	rows = append(failures, rows...)
	if room := max(1, v.height/2); len(rows) > room {
		rows = append(rows[:room-1], v.fit(v.styles.faint.Render(fmt.Sprintf("and %d lines more", len(rows)-room+1))))
	}
	if len(rows) == 0 {
		return tea.NewView("")
	}
	return tea.NewView("\n" + strings.Join(rows, "\n"))
}

// activity shows that a step runs or waits, for how long, and what it says.
func (v view) activity(a *activity, now time.Time) string {
	mark := v.spinner.View()
	if a.did.mark == waiting {
		mark = waiting
	}
	return v.fit(v.styles.faint.Render(clockTime(now.Sub(a.since))) + "  " + v.styles.of(a.did.mark).Render(mark) + " " +
		v.columns(a.step, a.did.outcome, a.did.mark, a.did.reason))
}

func (v view) fit(row string) string { return ansi.Truncate(row, v.width, "…") }

func firstRow(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

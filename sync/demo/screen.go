package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

const (
	refresh = 100 * time.Millisecond
	linger  = 2 * time.Second // with the last picture
	logged  = 100             // lines are kept
)

// screen is the display of a terminal.
type screen struct{ program *tea.Program }

var _ display = screen{}

// stepped says that a step of the script begins; refreshed that time has passed.
type (
	stepped   string
	refreshed struct{}
)

func (s screen) line(l line)       { s.program.Send(l) }
func (s screen) step(title string) { s.program.Send(stepped(title)) }
func (s screen) reached([]view)    {} // the picture shows it

// onScreen shows the nodes while play runs, until that has returned, the user
// quits or ctx is done. It returns when play has, whose context is done then.
func onScreen(ctx context.Context, c *cluster, keys bool, play func(ctx context.Context)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := picture{cluster: c, keys: keys, selected: -1}
	if keys {
		first.selected, first.step = 0, "at your command: the keys are below, and for the node that is marked"
	}
	program := tea.NewProgram(first, tea.WithoutSignalHandler())
	c.display = screen{program}
	defer context.AfterFunc(ctx, program.Quit)()
	var playing sync.WaitGroup
	defer playing.Wait()
	playing.Go(func() {
		play(ctx)
		rest(ctx, linger)
		program.Quit()
	})
	_, err := program.Run()
	cancel()
	return err
}

// picture is what the screen shows.
type picture struct {
	cluster       *cluster
	keys          bool // the user commands
	selected      int  // number of the node that the keys are for, -1 for none
	step          string
	log           []line
	width, height int
}

var _ tea.Model = picture{}

// Init implements tea.Model.
func (p picture) Init() tea.Cmd { return tick() }

func tick() tea.Cmd {
	return tea.Tick(refresh, func(time.Time) tea.Msg { return refreshed{} })
}

// Update implements tea.Model.
func (p picture) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		p.width, p.height = message.Width, message.Height
	case refreshed:
		return p, tick()
	case stepped:
		p.step = string(message)
	case line:
		p.log = append(p.log, message)
		p.log = p.log[max(0, len(p.log)-logged):]
	case tea.KeyPressMsg:
		return p.press(message.String())
	}
	return p, nil
}

// View implements tea.Model.
func (p picture) View() tea.View {
	faint := lipgloss.NewStyle().Faint(true)
	bold := lipgloss.NewStyle().Bold(true)
	views := p.cluster.views()
	title := fmt.Sprintf("  %d nodes on %s, %.0f s", len(views), p.cluster.server.name, time.Since(p.cluster.began).Seconds())
	head := lipgloss.JoinVertical(lipgloss.Left,
		bold.Render("coordkit")+faint.Render(title),
		p.step,
		nodesTable(views, p.width, p.selected),
		compare(views).String(),
	)
	help := faint.Render(p.help())
	lines := p.log[max(0, len(p.log)-max(0, p.height-lipgloss.Height(head)-1)):]
	var log strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&log, "%s %-6s %s\n", faint.Render(fmt.Sprintf("%5.1fs", l.at.Seconds())), l.who, l.text)
	}
	view := tea.NewView(lipgloss.NewStyle().MaxWidth(p.width).MaxHeight(p.height).Render(head + "\n" + log.String() + help))
	view.AltScreen = true
	view.WindowTitle = "coordkit demo"
	return view
}

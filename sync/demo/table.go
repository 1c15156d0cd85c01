package main

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
)

// rows are what the table tells of a node. Those that a node tells itself are
// shown while it runs.
var rows = []struct {
	title  string
	always bool
	of     func(v view) string
}{
	{"state", true, func(v view) string {
		if v.pid == 0 {
			return string(v.condition)
		}
		return fmt.Sprintf("%s (%d)", v.condition, v.pid)
	}},
	{"leader", false, func(v view) string {
		switch {
		case v.state.Status.Leading:
			return v.name + " (itself)"
		case v.state.Status.Leader == "":
			return "none known"
		}
		return v.state.Status.Leader
	}},
	{"term", false, func(v view) string { return strconv.FormatUint(v.state.Status.Term, 10) }},
	{"live members", false, func(v view) string { return strings.Join(v.state.Status.ActiveNodes, " ") }},
	{"keys", false, func(v view) string { return strconv.Itoa(len(v.state.Entries)) }},
	{"digest", false, view.digest},
	{"lag", false, func(v view) string { return fmt.Sprintf("%.1f ms", v.state.Status.Lag.Seconds()*1000) }},
	{"messages lost", true, func(v view) string { return strconv.FormatUint(v.dropped, 10) }},
	{"gaps found", true, func(v view) string { return strconv.FormatUint(v.found, 10) }},
	{"gaps healed", true, func(v view) string { return strconv.FormatUint(v.healed, 10) }},
	{"cache clears", false, func(v view) string { return strconv.FormatUint(v.state.Status.CacheClears, 10) }},
}

// colours of what needs to be seen.
var colours = map[condition]color.Color{
	deaf:   lipgloss.Yellow,
	killed: lipgloss.Red,
	down:   lipgloss.Red,
}

// nodesTable shows the nodes side by side, in width columns, or as many as it
// needs where that is 0. selected is marked where it is a node's number.
func nodesTable(views []view, width, selected int) string {
	headers := []string{""}
	for i, v := range views {
		name := v.name
		if i == selected {
			name = "> " + name
		}
		headers = append(headers, name)
	}
	t := table.New().Border(lipgloss.RoundedBorder()).Headers(headers...).Wrap(false)
	if width > 0 {
		t.Width(width)
	}
	for _, row := range rows {
		cells := []string{row.title}
		for _, v := range views {
			cell := "-"
			if row.always || v.live() {
				cell = row.of(v)
			}
			cells = append(cells, cell)
		}
		t.Row(cells...)
	}
	return t.StyleFunc(func(_, column int) lipgloss.Style {
		style := lipgloss.NewStyle().Padding(0, 1)
		if column == 0 {
			return style.Faint(true)
		}
		v := views[column-1]
		switch colour, known := colours[v.condition]; {
		case known:
			style = style.Foreground(colour)
		case v.state.Status.Leading:
			style = style.Foreground(lipgloss.Green)
		}
		return style.Bold(column-1 == selected)
	}).String()
}

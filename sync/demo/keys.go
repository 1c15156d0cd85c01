package main

import (
	tea "charm.land/bubbletea/v2"
)

// press does what a key is for.
func (p picture) press(key string) (tea.Model, tea.Cmd) {
	switch key {
	case "q", "ctrl+c":
		return p, tea.Quit
	}
	if !p.keys {
		return p, nil
	}
	switch key {
	case "left", "shift+tab":
		p.selected = (p.selected + len(names) - 1) % len(names)
	case "right", "tab":
		p.selected = (p.selected + 1) % len(names)
	case "1", "2", "3":
		p.selected = int(key[0] - '1')
	default:
		return p, p.order(key, names[p.selected])
	}
	return p, nil
}

// order returns what a key tells a node to do. It may take a moment, and what is
// wrong with it goes to the log.
func (p picture) order(key, name string) tea.Cmd {
	var act func() error
	switch key {
	case "w":
		act = func() error {
			for _, kind := range kinds {
				if _, err := p.cluster.write(name, kind, 8); err != nil {
					return err
				}
			}
			return nil
		}
	case "i":
		act = func() error { return p.cluster.invalidate(name, kinds[0]+":*") }
	case "l":
		act = func() error {
			return p.cluster.deafen(name, find(p.cluster.views(), name).condition != deaf)
		}
	case "k":
		act = func() error { return p.cluster.kill(name) }
	case "r":
		act = func() error { return p.cluster.start(name) }
	default:
		return nil
	}
	return func() tea.Msg {
		if err := act(); err != nil {
			p.cluster.say("demo", "%v", err)
		}
		return nil
	}
}

// help names the keys.
func (p picture) help() string {
	if !p.keys {
		return "q quit"
	}
	return "←→ choose a node: w write, i invalidate, l lose/hear, k kill, r restart; q quit"
}

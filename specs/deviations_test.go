package specs_test

import "github.com/riptidecrawler/coordkit/specs"

// Deviations are what the stand-in can't show; the real server does.
func (miniredisSubject) Deviations() []specs.Deviation {
	const reason = "miniredis 2.40 sends a connection one pmessage for a message, however many of its patterns match"
	var deviations []specs.Deviation
	for _, behaviour := range []string{
		"delivers one copy to each of a handle's subscriptions whose different patterns match the same channel",
		"tells each subscription its own pattern",
		"counts each of a handle's subscriptions, with the same pattern and with others",
		"agrees with Match on which of many patterns match a channel",
	} {
		deviations = append(deviations, specs.Deviation{Behaviour: behaviour, Reason: reason})
	}
	return deviations
}

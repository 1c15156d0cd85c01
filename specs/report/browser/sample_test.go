package browser_test

import (
	"strings"
	"time"

	"github.com/riptidecrawler/coordkit/specs/report"
)

// attack is what a text may hold that would rather be more than a text.
const attack = `</script></pre><img src="https://outside.invalid/x" onerror="window.broken=1"><svg onload="window.broken=1">"'{{.}}`

// hostile is a report with every state and with texts that attack the page.
func hostile() *report.Report {
	long := strings.Repeat("unbreakable", 40)
	behaviour := func(id, role, group string, outcomes ...report.Outcome) report.Behaviour {
		b := report.Behaviour{
			ID: id, Since: "1", Role: role, Group: group, Sentence: "keeps the promise of " + id,
			Source: "coordination.Messaging, https://outside.invalid/page.", Spec: "specs/sample.go:1",
			Outcomes: map[string]report.Outcome{},
		}
		for i, outcome := range outcomes {
			b.Outcomes[[]string{"memory", "redis"}[i]] = outcome
		}
		return b
	}
	passed := report.Outcome{State: report.Passed, Duration: 12 * time.Millisecond}
	r := &report.Report{
		Schema: report.Schema, Contract: "2",
		Backends: []report.Backend{{Name: "memory"}, {Name: "redis", Version: "Redis 7 " + attack, Scale: 2.5}},
		Behaviours: []report.Behaviour{
			behaviour("publish-1", "Messaging", "publishing", passed, passed),
			behaviour("publish-2", "Messaging", "publishing", passed,
				report.Outcome{State: report.Failed, Reason: "expected 1\nto equal 2 " + long + attack, Timeline: "peer 1  Publish " + long + attack, Duration: time.Second}),
			behaviour("publish-3", "Messaging", "publishing", passed,
				report.Outcome{State: report.Deviates, Reason: "as a stand-in " + attack, Link: "https://outside.invalid/issue"}),
			behaviour("set-1", "Key store", "values", passed,
				report.Outcome{State: report.Deviates, Reason: "link", Link: "javascript:window.broken=1"}),
			behaviour("set-2", "Key store", "values", passed,
				report.Outcome{State: report.NotChecked, Reason: "the subject can't show it"}),
			behaviour("set-3", "Key store", "values", passed,
				report.Outcome{State: report.Subject, Reason: "the factory returns nil"}),
			behaviour("own/1", attack, attack+"2", passed),
		},
	}
	r.Behaviours[0].Catches = []report.Fault{{Name: "deaf-peer", Does: "hears nothing " + attack}, {Name: "late", Does: "comes late"}}
	r.Behaviours[3].Catches = []report.Fault{{Name: "amnesiac", Does: "forgets"}}
	r.Behaviours[4].Since, r.Behaviours[4].Sentence = "2", attack+long
	for i := range 40 { // enough to scroll
		r.Behaviours = append(r.Behaviours, behaviour("lead-"+string(rune('A'+i/10))+string(rune('0'+i%10)), "Leadership", "the lease", passed, passed))
	}
	return r
}

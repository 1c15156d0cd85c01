package main

import dsync "github.com/riptidecrawler/coordkit/sync"

// verb is what the parent asks of a node.
type verb string

const (
	set        verb = "set"        // Key to Value
	invalidate verb = "invalidate" // all that Key, a pattern, matches
	deafen     verb = "deafen"     // drop what the subscriptions deliver
	hear       verb = "hear"       // drop no more
)

// command is what the parent tells a node: a line of JSON on its standard input.
// Where that ends, the node ends too, so that none outlives the parent.
type command struct {
	Do    verb   `json:"do"`
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
}

// report is what a node tells the parent: a line of JSON on its standard output,
// with one of the two.
type report struct {
	State *state     `json:"state,omitempty"`
	Event *happening `json:"event,omitempty"`
}

// state is what a node is like at one moment.
type state struct {
	Status  dsync.ClusterStatus `json:"status"`
	Entries map[string]string   `json:"entries"` // of its cache
	Deaf    bool                `json:"deaf"`
	Dropped uint64              `json:"dropped"` // messages, while it was deaf
}

// happening is an event of a node's. Kind is empty where it comes of a command.
type happening struct {
	Kind dsync.EventKind `json:"kind,omitempty"`
	Text string          `json:"text"`
}

package sync

import "time"

// Why a leadership was lost, for specs to tell.
var (
	ErrTaken   = errTaken
	ErrTerm    = errTerm
	ErrExpired = errExpired
	ErrEnding  = errEnding
)

// ReadWall has the election read the clock on the wall by wall. It is called
// before Run.
func (e *LeaderElection) ReadWall(wall func() time.Time) { e.wall = wall }

// CountFromAnswer gives the election the defect of counting its lease from the
// answer. It is called before Run.
func (e *LeaderElection) CountFromAnswer() { e.byAnswer = true }

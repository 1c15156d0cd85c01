package files_test

import (
	"context"
	"os"
	"testing"

	"example.com/downstream/files"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs"
)

func TestContract(t *testing.T) {
	specs.Run(t, "files", func() specs.Subject {
		path := t.TempDir()
		return subject{files.New(path), path}
	})
}

type subject struct {
	*files.Directory
	path string
}

func (s subject) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
	return s.Directory.Open(ctx, namespace)
}
func (subject) Buffer() int                   { return files.Buffer }
func (subject) Suite() *testing.T             { return nil } // specs.Run brings its own
func (subject) Own(context.Context) error     { return nil } // each subject has its own already
func (s subject) Stop(context.Context) error  { return os.Rename(s.path, s.path+".away") }
func (s subject) Start(context.Context) error { return os.Rename(s.path+".away", s.path) }

func (subject) Deviations() []specs.Deviation {
	return []specs.Deviation{{Behaviour: "outage-11", Reason: "inboxes are files, which come back with the directory: nothing was lost"}}
}

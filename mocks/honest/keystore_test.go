package honest_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

func TestWhatIsFoundIsSomething(t *testing.T) {
	long := make([]byte, coordination.MaxPayloadLen+1)
	for _, c := range []struct {
		value     []byte
		found     bool
		key, node string // the lies
	}{
		{nil, false, "", ""},
		{[]byte{}, false, "", ""},
		{[]byte{}, true, "", ""},
		{[]byte("hello"), true, "", ""},
		{[]byte("hello"), false, "Get returns the value of key", "NodeMetadata returns the metadata of a live member"},
		{nil, true, "an empty value is found, as an empty slice", "Without metadata it is an empty slice, and found."},
		{long, true, "any 0 to [MaxPayloadLen] bytes", "any 0 to [MaxPayloadLen] bytes"},
	} {
		t.Run(fmt.Sprintf("%.9q %v", c.value, c.found), func(t *testing.T) {
			recorded := &recorder{}
			handle := honest.Coordination(recorded, &port{value: c.value, found: c.found})
			value, found, err := handle.Get(t.Context(), "motd")
			if !bytes.Equal(value, c.value) || (value == nil) != (c.value == nil) || found != c.found || err != nil {
				t.Errorf("the wrapper returns %.9q, %v, %v", value, found, err)
			}
			recorded.expect(t, c.key)
			handle.NodeMetadata(t.Context(), "node")
			recorded.expect(t, c.node)
		})
	}
}

func TestListsAreInOrder(t *testing.T) {
	const keys, nodes = "each once, in ascending order of their bytes, never nil", "in ascending order of their bytes, never nil"
	const once, lengths = "and lists it once", "any 1 to [MaxNameLen] bytes"
	long := strings.Repeat("user:", coordination.MaxNameLen)
	for title, c := range map[string]struct {
		list      []string
		key, node string // the lies
	}{
		"empty":              {[]string{}, "", ""},
		"one":                {[]string{"user:1"}, "", ""},
		"many":               {[]string{"user:1", "user:10", "user:2", "user:é"}, "", ""},
		"nil":                {nil, keys, nodes},
		"out of order":       {[]string{"user:2", "user:1"}, keys, nodes},
		"twice":              {[]string{"user:1", "user:1"}, keys, once},
		"twice, far apart":   {[]string{"user:1", "user:2", "user:1"}, keys, nodes},
		"no name":            {[]string{""}, lengths, lengths},
		"too long":           {[]string{long}, lengths, lengths},
		"what was not asked": {[]string{"user:1", "users"}, keys, ""},
	} {
		t.Run(title, func(t *testing.T) {
			recorded := &recorder{}
			handle := honest.Coordination(recorded, &port{keys: c.list, nodes: c.list})
			pattern := "user:*"
			if c.key == lengths {
				pattern = "*"
			}
			list, err := handle.Keys(t.Context(), pattern)
			if !slices.Equal(list, c.list) || err != nil {
				t.Errorf("the wrapper returns %.50q, %v", list, err)
			}
			recorded.expect(t, c.key)
			handle.ListNodes(t.Context())
			recorded.expect(t, c.node)
		})
	}
}

func TestNoMoreIsDeletedThanWasNamed(t *testing.T) {
	const promise = "one that is named twice counted once"
	for _, c := range []struct {
		keys    []string
		deleted int
		lie     string
	}{
		{nil, 0, ""},
		{nil, 1, promise},
		{[]string{"a", "b"}, 0, ""},
		{[]string{"a", "b"}, 2, ""},
		{[]string{"a", "b"}, 3, promise},
		{[]string{"a", "b", "a"}, 2, ""},
		{[]string{"a", "b", "a"}, 3, promise},
		{[]string{"a"}, -1, promise},
	} {
		t.Run(fmt.Sprint(c.keys, c.deleted), func(t *testing.T) {
			recorded := &recorder{}
			store := honest.KeyStore(recorded, &port{deleted: &c.deleted})
			if deleted, err := store.DeleteMany(t.Context(), c.keys...); deleted != c.deleted || err != nil {
				t.Errorf("the wrapper returns %d, %v", deleted, err)
			}
			recorded.expect(t, c.lie)
		})
	}
}

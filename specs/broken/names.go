package broken

import "github.com/riptidecrawler/coordkit/coordination"

// misread returns what a fault makes of a name, if it is one and stays one.
func (a *adapter) misread(name string, misread func(name string) string) string {
	if wrong := misread(name); wrong != "" && len(name) <= coordination.MaxNameLen {
		return instead(a, name, wrong)
	}
	return name
}

// keyNames has a fault misread the keys that the key store is given. Patterns
// are left alone.
func (a *adapter) keyNames(misread func(key string) string) {
	named := func(key string) string { return a.misread(key, misread) }
	a.every(func(c *call) error {
		switch c.method {
		case "Get", "Set", "Delete":
			c.name = named(c.name)
		case "DeleteMany":
			wrong := make([]string, len(c.keys))
			for i, key := range c.keys {
				wrong[i] = named(key)
			}
			c.keys = wrong
		}
		return c.proceed()
	})
}

// first cuts a name after so many bytes.
func first(bytes int) func(name string) string {
	return func(name string) string { return name[:min(len(name), bytes)] }
}

package redis

import (
	"context"

	"github.com/riptidecrawler/coordkit/coordination"
)

// The functions below read a reply, and pass on an error that came with it.

func (c *Coordination) toInt(operation string, reply any, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	number, ok := reply.(int64)
	if !ok {
		return 0, c.unexpected(operation, reply)
	}
	return int(number), nil
}

func (c *Coordination) toBool(operation string, reply any, err error) (bool, error) {
	number, err := c.toInt(operation, reply, err)
	return number > 0, err
}

func (c *Coordination) toBytes(operation string, reply any, err error) (value []byte, found bool, _ error) {
	if err != nil || reply == nil {
		return nil, false, err
	}
	text, ok := reply.(string)
	if !ok {
		return nil, false, c.unexpected(operation, reply)
	}
	return []byte(text), true, nil
}

func (c *Coordination) toStrings(operation string, reply any, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	items, ok := reply.([]any)
	if !ok {
		return nil, c.unexpected(operation, reply)
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			return nil, c.unexpected(operation, reply)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// checkName checks the two arguments that most methods begin with.
func checkName(ctx context.Context, operation, argument, name string) error {
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return err
	}
	return coordination.CheckName(operation, argument, name)
}

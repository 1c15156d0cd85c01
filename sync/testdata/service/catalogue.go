package main

import (
	"context"
	"errors"
	"time"

	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// catalogue is the products, from this node's cache or from the database.
type catalogue struct {
	store    *store
	products *cache.Cache[Product]
}

func newCatalogue(store *store, node *cache.Node) (*catalogue, error) {
	products, err := cache.New(node, "product:", &cache.Options[Product]{
		TTL: time.Hour, NegativeTTL: time.Minute, LoadTimeout: requestTimeout,
	})
	return &catalogue{store, products}, err
}

// get returns a product, or an error that matches cache.ErrNotFound.
func (c *catalogue) get(ctx context.Context, id string) (Product, error) {
	return c.products.Get(ctx, id, c.store.product)
}

// setPrice changes the database first, and then has all nodes drop the old value. It
// reports whether they were told: if the backend hangs, they will be.
func (c *catalogue) setPrice(ctx context.Context, product *Product) (told bool, err error) {
	product.Version, err = c.store.setPrice(ctx, product.ID, product.Price)
	if err != nil {
		return false, err
	}
	err = c.products.Delete(ctx, product.ID)
	if errors.Is(err, dsync.ErrDelayed) {
		return false, nil
	}
	return err == nil, err
}

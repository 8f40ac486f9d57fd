package source

import "golang.org/x/sync/errgroup"

// SideBySide does n things, some at a time. What goes wrong with one of them is
// for do to keep, and keeps no other from being done.
func SideBySide(n, atOnce int, do func(i int)) {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range n {
		group.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = group.Wait()
}

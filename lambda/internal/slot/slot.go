// Package slot bounds how many executions work at the same time, and says when
// each may begin.
//
// A number alone would let all that fit begin at once: they would meet the same
// limit of a service together, and later leave it unused together. So an
// execution books a turn first, as far from the one before as that limit needs,
// and takes a slot when it comes.
//
// Turns and slots are one object in the state bucket that is only written with
// S3's conditional writes. Those who wait for their turn are not in it, so it
// stays small; those who have come and find no slot stand in line.
package slot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// Line is the object in the state bucket.
type Line struct {
	// Next is when the next turn of a lane is. One that has passed is left out.
	Next map[string]time.Time `json:"next,omitempty"`
	// Places in the order in which they were taken. The first ones of each pool
	// have its slots, the others wait.
	Places []Place `json:"places,omitempty"`
}

// Place is where an execution stands.
type Place struct {
	Execution string `json:"execution"`
	Pool      string `json:"pool"`
}

// Store keeps the line in the state bucket.
type Store struct {
	Objects func() awsapi.Objects
	Bucket  string
	// Slots of each pool; 0 means that there is no bound.
	Slots int
	Now   func() time.Time
}

const (
	// near is how many in front of the line look whether those who have slots still
	// run, and looks how many of them one asks about. The others ask about the one
	// before them only: what is asked of Step Functions hardly grows with the line,
	// since the look is the rarer the longer it is.
	near, looks = 3, 2
	// tries is how often leaving the line is tried against others.
	tries = 8
)

// Book returns when lanes have all come to an execution that takes so much of
// each. What it takes is booked where it fits next: one lane does not stand
// still because another one is far behind.
func (s *Store) Book(ctx context.Context, takes map[string]time.Duration) (time.Time, error) {
	line, etag, err := s.read(ctx)
	if err != nil {
		return time.Time{}, err
	}
	now := s.Now().UTC()
	turn := now
	maps.DeleteFunc(line.Next, func(_ string, next time.Time) bool { return !next.After(now) })
	if line.Next == nil {
		line.Next = map[string]time.Time{}
	}
	for lane, d := range takes {
		next := now
		if booked := line.Next[lane]; booked.After(now) {
			next = booked
		}
		if next.After(turn) {
			turn = next
		}
		line.Next[lane] = next.Add(d)
	}
	if len(takes) == 0 {
		return turn, nil
	}
	return turn, s.write(ctx, line, etag)
}

// Take gives an execution a slot of a pool. If there is none it stands in line,
// and ahead says for how many that end before it: ask again later. Who waits
// looks whether those before it still run; one that does not has lost its place.
func (s *Store) Take(ctx context.Context, pool, execution string, running func(context.Context, string) (bool, error)) (ahead int, err error) {
	if s.Slots <= 0 {
		return 0, nil
	}
	line, etag, err := s.read(ctx)
	if err != nil {
		return 0, err
	}
	changed := false
	if !slices.ContainsFunc(line.Places, func(p Place) bool { return p.Execution == execution }) {
		line.Places = append(line.Places, Place{Execution: execution, Pool: pool})
		changed = true
	}
	if ahead = s.ahead(line, execution); ahead > 0 {
		gone, err := s.ended(ctx, s.suspects(line, execution, ahead), running)
		if err != nil {
			return ahead, err
		}
		if len(gone) > 0 {
			line.Places = slices.DeleteFunc(line.Places, func(p Place) bool { return slices.Contains(gone, p.Execution) })
			ahead, changed = s.ahead(line, execution), true
		}
	}
	if !changed {
		return ahead, nil
	}
	return ahead, s.write(ctx, line, etag)
}

// ahead is how many have to end before an execution has a slot.
func (s *Store) ahead(line *Line, execution string) int {
	i := slices.IndexFunc(line.Places, func(p Place) bool { return p.Execution == execution })
	before := 0
	for _, p := range line.Places[:i] {
		if p.Pool == line.Places[i].Pool {
			before++
		}
	}
	return max(0, before-s.Slots+1)
}

// suspects are those about which one asks who waits: the one before it and, in
// front, some of those who have slots, others each time.
func (s *Store) suspects(line *Line, execution string, ahead int) []string {
	i := slices.IndexFunc(line.Places, func(p Place) bool { return p.Execution == execution })
	var before []string
	for _, p := range line.Places[:i] {
		if p.Pool == line.Places[i].Pool {
			before = append(before, p.Execution)
		}
	}
	out := slices.Clone(before[len(before)-1:])
	if ahead > near {
		return out
	}
	first := int(s.Now().Unix()) % s.Slots
	for n := range min(looks, s.Slots) {
		if holder := before[(first+n)%s.Slots]; !slices.Contains(out, holder) {
			out = append(out, holder)
		}
	}
	return out
}

// ended asks which executions do not run any more.
func (s *Store) ended(ctx context.Context, suspects []string, running func(context.Context, string) (bool, error)) (gone []string, err error) {
	for _, x := range suspects {
		runs, err := running(ctx, x)
		if err != nil {
			return nil, fmt.Errorf("looking at execution %s, which is before it: %w", x, err)
		}
		if !runs {
			gone = append(gone, x)
		}
	}
	return gone, nil
}

// Release takes an execution out of the line, if it stands there.
func (s *Store) Release(ctx context.Context, execution string) error {
	var err error
	for range tries {
		var line *Line
		var etag string
		if line, etag, err = s.read(ctx); err != nil {
			return err
		}
		kept := slices.DeleteFunc(slices.Clone(line.Places), func(p Place) bool { return p.Execution == execution })
		if len(kept) == len(line.Places) {
			return nil
		}
		line.Places = kept
		if err = s.write(ctx, line, etag); !IsOvertaken(err) {
			return err
		}
	}
	return err
}

// IsOvertaken says whether somebody else wrote the line in between: what was
// wanted was not done, and can be tried again.
func IsOvertaken(err error) bool {
	code := failure.Code(err)
	return code == "PreconditionFailed" || code == "ConditionalRequestConflict"
}

// read returns the line and its ETag; one that was never written is empty and
// has no ETag.
func (s *Store) read(ctx context.Context) (*Line, string, error) {
	line := &Line{}
	out, err := s.Objects().GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Bucket, Key: aws.String(plan.SlotsKey)})
	if err != nil {
		if failure.Code(err) == "NoSuchKey" {
			return line, "", nil
		}
		return nil, "", fmt.Errorf("reading slots: %w", err)
	}
	defer func() { _ = out.Body.Close() }()
	if err := json.NewDecoder(out.Body).Decode(line); err != nil {
		return nil, "", fmt.Errorf("decoding slots: %w", err)
	}
	return line, aws.ToString(out.ETag), nil
}

func (s *Store) write(ctx context.Context, line *Line, etag string) error {
	body, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encoding slots: %w", err)
	}
	in := &s3.PutObjectInput{
		Bucket: &s.Bucket, Key: aws.String(plan.SlotsKey), Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = aws.String(etag)
	}
	if _, err := s.Objects().PutObject(ctx, in); err != nil {
		return fmt.Errorf("writing slots: %w", err)
	}
	return nil
}

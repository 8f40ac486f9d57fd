// Package metrics takes metrics out of log lines in the embedded metric format,
// as CloudWatch does, and keeps a few statistics of each.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
package metrics

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Statistics of the values that were published of a metric.
type Statistics struct {
	Count         int
	Sum, Min, Max float64
}

// Store keeps the metrics of one account and region. It is safe for concurrent
// use, and its zero value is empty.
type Store struct {
	mu sync.Mutex
	of map[string]Statistics
}

// line is what CloudWatch reads of a line. The members with values and dimensions
// are those of the root.
type line struct {
	AWS *struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
}

// Take keeps the metrics of a line; one that is not in the format has none.
func (s *Store) Take(text string) {
	if !strings.Contains(text, `"_aws"`) {
		return
	}
	var l line
	var root map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &l) != nil || json.Unmarshal([]byte(text), &root) != nil || l.AWS == nil || l.AWS.Timestamp == 0 {
		return
	}
	for _, d := range l.AWS.CloudWatchMetrics {
		for _, m := range d.Metrics {
			var value float64
			if json.Unmarshal(root[m.Name], &value) != nil {
				continue
			}
			for _, set := range d.Dimensions {
				values := map[string]string{}
				for _, name := range set {
					var of string
					if json.Unmarshal(root[name], &of) == nil {
						values[name] = of
					}
				}
				// Without all of its dimensions CloudWatch drops a metric.
				if len(values) == len(set) {
					s.add(Key(d.Namespace, m.Name, values), value)
				}
			}
		}
	}
}

func (s *Store) add(key string, value float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]Statistics{}
	}
	is, ok := s.of[key]
	if !ok {
		is.Min, is.Max = value, value
	}
	s.of[key] = Statistics{Count: is.Count + 1, Sum: is.Sum + value, Min: min(is.Min, value), Max: max(is.Max, value)}
}

// Key is how a metric is named here: its namespace, its name and its dimensions
// in the order of their names.
func Key(namespace, name string, dimensions map[string]string) string {
	key := namespace + " " + name
	for _, d := range slices.Sorted(maps.Keys(dimensions)) {
		key += fmt.Sprintf(" %s=%s", d, dimensions[d])
	}
	return key
}

// All returns the statistics of all metrics by their keys.
func (s *Store) All() map[string]Statistics {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.of)
}

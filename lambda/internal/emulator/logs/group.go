package logs

import (
	"maps"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

type createLogGroupInput struct {
	LogGroupName  string            `json:"logGroupName"`
	LogGroupClass string            `json:"logGroupClass"`
	KMSKeyID      string            `json:"kmsKeyId"`
	Tags          map[string]string `json:"tags"`
}

// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
func (s *Service) createLogGroup(c *wire.Call, in createLogGroupInput) (any, error) {
	if !groupPattern.MatchString(in.LogGroupName) {
		return nil, constraint(in.LogGroupName, "logGroupName", `Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`)
	}
	class := "STANDARD"
	switch {
	case in.LogGroupClass == "DELIVERY" || in.LogGroupClass == "INFREQUENT_ACCESS":
		return nil, notEmulated("the log group class " + in.LogGroupClass)
	case in.LogGroupClass != "" && in.LogGroupClass != class:
		return nil, constraint(in.LogGroupClass, "logGroupClass", "Member must satisfy enum value set: [INFREQUENT_ACCESS, STANDARD, DELIVERY]")
	case in.KMSKeyID != "":
		return nil, notEmulated("kmsKeyId")
	}
	arn := s.ARN(c.Region, in.LogGroupName)
	if s.groups[arn] != nil {
		return nil, exists("log group")
	}
	s.create(arn, in.LogGroupName, class, c.Time)
	return nil, nil
}

type describeLogGroupsInput struct {
	LogGroupNamePrefix  string `json:"logGroupNamePrefix"`
	LogGroupNamePattern string `json:"logGroupNamePattern"`
	NextToken           string `json:"nextToken"`
	Limit               *int   `json:"limit"`
}

type logGroup struct {
	LogGroupName      string `json:"logGroupName"`
	ARN               string `json:"arn"`
	LogGroupARN       string `json:"logGroupArn"`
	LogGroupClass     string `json:"logGroupClass"`
	CreationTime      int64  `json:"creationTime"`
	MetricFilterCount int    `json:"metricFilterCount"`
	StoredBytes       int    `json:"storedBytes"`
}

type describeLogGroupsOutput struct {
	LogGroups []logGroup `json:"logGroups"`
	NextToken string     `json:"nextToken,omitempty"`
}

func (s *Service) describeLogGroups(c *wire.Call, in describeLogGroupsInput) (any, error) {
	if in.LogGroupNamePrefix != "" && in.LogGroupNamePattern != "" {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	most, err := limit(in.Limit, 50)
	if err != nil {
		return nil, err
	}
	here := s.ARN(c.Region, "")
	out := describeLogGroupsOutput{LogGroups: []logGroup{}}
	for _, arn := range slices.Sorted(maps.Keys(s.groups)) {
		name, ok := strings.CutPrefix(arn, here)
		// The pattern ignores case and may be anywhere.
		if !ok || !strings.HasPrefix(name, in.LogGroupNamePrefix) ||
			!strings.Contains(strings.ToLower(name), strings.ToLower(in.LogGroupNamePattern)) || name <= in.NextToken {
			continue
		}
		if len(out.LogGroups) == most {
			out.NextToken = out.LogGroups[most-1].LogGroupName
			break
		}
		g := s.groups[arn]
		out.LogGroups = append(out.LogGroups, logGroup{
			LogGroupName: g.name, ARN: g.arn + ":*", LogGroupARN: g.arn, LogGroupClass: g.class,
			CreationTime: g.created.UnixMilli(), StoredBytes: g.stored,
		})
	}
	return out, nil
}

type deleteLogGroupInput struct {
	LogGroupName string `json:"logGroupName"`
}

func (s *Service) deleteLogGroup(c *wire.Call, in deleteLogGroupInput) (any, error) {
	g, err := s.find(c, in.LogGroupName, "")
	if err != nil {
		return nil, err
	}
	delete(s.groups, g.arn)
	return nil, nil
}

type createLogStreamInput struct {
	LogGroupName  string `json:"logGroupName"`
	LogStreamName string `json:"logStreamName"`
}

func (s *Service) createLogStream(c *wire.Call, in createLogStreamInput) (any, error) {
	if !streamPattern.MatchString(in.LogStreamName) {
		return nil, constraint(in.LogStreamName, "logStreamName", "Member must satisfy regular expression pattern: [^:*]*")
	}
	g, err := s.find(c, in.LogGroupName, "")
	if err != nil {
		return nil, err
	}
	if g.streams[in.LogStreamName] != nil {
		return nil, exists("log stream")
	}
	g.createStream(in.LogStreamName, c.Time)
	return nil, nil
}

type describeLogStreamsInput struct {
	LogGroupName        string `json:"logGroupName"`
	LogGroupIdentifier  string `json:"logGroupIdentifier"`
	LogStreamNamePrefix string `json:"logStreamNamePrefix"`
	OrderBy             string `json:"orderBy"`
	Descending          bool   `json:"descending"`
	NextToken           string `json:"nextToken"`
	Limit               *int   `json:"limit"`
}

type logStream struct {
	LogStreamName       string `json:"logStreamName"`
	ARN                 string `json:"arn"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp int64  `json:"firstEventTimestamp,omitempty"`
	LastEventTimestamp  int64  `json:"lastEventTimestamp,omitempty"`
	LastIngestionTime   int64  `json:"lastIngestionTime,omitempty"`
	UploadSequenceToken string `json:"uploadSequenceToken"`
	StoredBytes         int    `json:"storedBytes"`
}

type describeLogStreamsOutput struct {
	LogStreams []logStream `json:"logStreams"`
	NextToken  string      `json:"nextToken,omitempty"`
}

func (s *Service) describeLogStreams(c *wire.Call, in describeLogStreamsInput) (any, error) {
	g, err := s.find(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	most, err := limit(in.Limit, 50)
	if err != nil {
		return nil, err
	}
	byTime := in.OrderBy == "LastEventTime"
	if byTime && in.LogStreamNamePrefix != "" {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	var streams []*stream
	for _, name := range slices.Sorted(maps.Keys(g.streams)) {
		if strings.HasPrefix(name, in.LogStreamNamePrefix) {
			streams = append(streams, g.streams[name])
		}
	}
	if byTime {
		slices.SortStableFunc(streams, func(a, b *stream) int { return a.last.Compare(b.last) })
	}
	if in.Descending {
		slices.Reverse(streams)
	}
	if in.NextToken != "" {
		i := slices.IndexFunc(streams, func(st *stream) bool { return st.name == in.NextToken })
		if i < 0 {
			return nil, invalid("The specified nextToken is invalid.")
		}
		streams = streams[i+1:]
	}
	out := describeLogStreamsOutput{LogStreams: []logStream{}}
	for i, st := range streams {
		if i == most {
			out.NextToken = streams[i-1].name
			break
		}
		out.LogStreams = append(out.LogStreams, logStream{
			LogStreamName: st.name, ARN: st.arn, CreationTime: st.created.UnixMilli(),
			FirstEventTimestamp: millis(st.first), LastEventTimestamp: millis(st.last), LastIngestionTime: millis(st.arrived),
			UploadSequenceToken: sequenceToken,
		})
	}
	return out, nil
}

// millis is a time as the service writes it; zero if there is none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Puts franz-go through its paces against one broker; prints "PASS name" or "FAIL name why". Arguments: host:port [name...].
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = 30 * time.Second

var bootstrap string

type check struct {
	name string
	run  func(ctx context.Context) error
}

func fresh(what string) string { return fmt.Sprintf("compat-%s-%08x", what, rand.Uint32()) }

func client(options ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.MetadataMinAge(100 * time.Millisecond)}, options...)...)
	if err != nil {
		panic(err)
	}
	return c
}

func withTopic(ctx context.Context, partitions int32, configs map[string]*string) (string, *kadm.Client, error) {
	admin, topic := kadm.NewClient(client()), fresh("go")
	_, err := admin.CreateTopic(ctx, partitions, 1, configs, topic)
	return topic, admin, err
}

func numbered(topic string, partition int32, count int) []*kgo.Record {
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Partition: partition, Key: []byte("k"), Value: fmt.Appendf(nil, "v%d", i)}
	}
	return records
}

// gather polls until count records are here, and a moment longer to see that there is not one too many.
func gather(ctx context.Context, c *kgo.Client, count int) (found []*kgo.Record, err error) {
	for len(found) < count && ctx.Err() == nil {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return found, err
		}
		found = append(found, fetches.Records()...)
	}
	more, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	found = append(found, c.PollFetches(more).Records()...)
	if len(found) != count {
		return found, fmt.Errorf("%d records instead of %d", len(found), count)
	}
	return found, nil
}

func roundTrip(options ...kgo.Opt) func(context.Context) error {
	return func(ctx context.Context) error {
		topic, admin, err := withTopic(ctx, 1, nil)
		if err != nil {
			return err
		}
		defer admin.Close()
		producer := client(append(options, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
		defer producer.Close()
		if err := producer.ProduceSync(ctx, numbered(topic, 0, 500)...).FirstErr(); err != nil {
			return err
		}
		reader := client(kgo.ConsumeTopics(topic))
		defer reader.Close()
		found, err := gather(ctx, reader, 500)
		for i, record := range found {
			if record.Offset != int64(i) || string(record.Value) != fmt.Sprintf("v%d", i) {
				return fmt.Errorf("offset %d holds %q", record.Offset, record.Value)
			}
		}
		return err
	}
}

func headers(ctx context.Context) error {
	topic, admin, err := withTopic(ctx, 1, nil)
	if err != nil {
		return err
	}
	defer admin.Close()
	sent := []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b"}, {Key: "a", Value: []byte{}}}
	producer := client()
	defer producer.Close()
	if err := producer.ProduceSync(ctx, &kgo.Record{Topic: topic, Headers: sent}).FirstErr(); err != nil {
		return err
	}
	reader := client(kgo.ConsumeTopics(topic))
	defer reader.Close()
	found, err := gather(ctx, reader, 1)
	if err != nil {
		return err
	}
	got := found[0]
	if got.Key != nil || got.Value != nil || fmt.Sprint(got.Headers) != fmt.Sprint(sent) || got.Headers[1].Value != nil {
		return fmt.Errorf("came back as %q %q %v", got.Key, got.Value, got.Headers)
	}
	return nil
}

func largeMessage(ctx context.Context) error {
	limit := "12000000"
	topic, admin, err := withTopic(ctx, 1, map[string]*string{"max.message.bytes": &limit})
	if err != nil {
		return err
	}
	defer admin.Close()
	payload := bytes.Repeat([]byte("0123456789"), 1_000_000)
	producer := client(kgo.ProducerBatchMaxBytes(11_000_000), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.AllowAutoTopicCreation())
	defer producer.Close()
	if err := producer.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: payload}).FirstErr(); err != nil {
		return err
	}
	reader := client(kgo.ConsumeTopics(topic))
	defer reader.Close()
	found, err := gather(ctx, reader, 1)
	if err == nil && !bytes.Equal(found[0].Value, payload) {
		return errors.New("the bytes differ")
	}
	if err != nil {
		return err
	}
	err = producer.ProduceSync(ctx, &kgo.Record{Topic: fresh("auto"), Value: payload}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		return fmt.Errorf("a topic with the default limit answered %v", err)
	}
	return nil
}

func group(kind string, protocol func() []kgo.Opt) func(context.Context) error {
	return func(ctx context.Context) error {
		topic, admin, err := withTopic(ctx, 4, nil)
		if err != nil {
			return err
		}
		defer admin.Close()
		name := fresh("group")
		producer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
		defer producer.Close()
		for partition := range int32(4) {
			if err := producer.ProduceSync(ctx, numbered(topic, partition, 10)...).FirstErr(); err != nil {
				return err
			}
		}
		first := client(append(protocol(), kgo.ConsumerGroup(name), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())...)
		if _, err := gather(ctx, first, 40); err != nil {
			return err
		}
		// the library falls back to classic without a word, so the broker is asked what kind of group it is
		listed, err := admin.ListGroupsByType(ctx, []string{kind})
		if err != nil {
			return err
		}
		if _, ok := listed[name]; !ok {
			return fmt.Errorf("the group is not of type %s", kind)
		}
		if err := first.CommitUncommittedOffsets(ctx); err != nil {
			return err
		}
		first.Close()
		offsets, err := admin.FetchOffsets(ctx, name)
		if err != nil {
			return err
		}
		if offset, ok := offsets.Lookup(topic, 3); !ok || offset.At != 10 {
			return fmt.Errorf("committed %v", offsets)
		}
		if err := producer.ProduceSync(ctx, numbered(topic, 2, 3)...).FirstErr(); err != nil {
			return err
		}
		second := client(append(protocol(), kgo.ConsumerGroup(name), kgo.ConsumeTopics(topic))...)
		defer second.Close()
		found, err := gather(ctx, second, 3)
		if err == nil && found[0].Offset != 10 {
			return fmt.Errorf("resumed at %d", found[0].Offset)
		}
		return err
	}
}

func transactions(ctx context.Context) error {
	topic, admin, err := withTopic(ctx, 1, nil)
	if err != nil {
		return err
	}
	defer admin.Close()
	producer := client(kgo.TransactionalID(fresh("txn")))
	defer producer.Close()
	for i := range 6 {
		if err := producer.BeginTransaction(); err != nil {
			return err
		}
		if err := producer.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d", i%2)}).FirstErr(); err != nil {
			return err
		}
		if err := producer.EndTransaction(ctx, kgo.TransactionEndTry(i%2 == 0)); err != nil {
			return err
		}
	}
	reader := client(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer reader.Close()
	found, err := gather(ctx, reader, 3)
	for _, record := range found {
		if string(record.Value) != "0" {
			return errors.New("an aborted record was read")
		}
	}
	return err
}

func consumeTransformProduce(ctx context.Context) error {
	source, admin, err := withTopic(ctx, 1, nil)
	if err != nil {
		return err
	}
	defer admin.Close()
	target := fresh("out")
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, target); err != nil {
		return err
	}
	producer := client()
	defer producer.Close()
	if err := producer.ProduceSync(ctx, numbered(source, 0, 100)...).FirstErr(); err != nil {
		return err
	}
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup(fresh("group")), kgo.ConsumeTopics(source),
		kgo.TransactionalID(fresh("txn")), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer session.Close()
	for done := 0; done < 100 && ctx.Err() == nil; {
		fetches := session.PollFetches(ctx)
		if err := session.Begin(); err != nil {
			return err
		}
		fetches.EachRecord(func(record *kgo.Record) { session.Produce(ctx, &kgo.Record{Topic: target, Value: record.Value}, nil) })
		committed, err := session.End(ctx, kgo.TryCommit)
		if err != nil {
			return err
		}
		if committed {
			done += fetches.NumRecords()
		}
	}
	reader := client(kgo.ConsumeTopics(target), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer reader.Close()
	_, err = gather(ctx, reader, 100)
	return err
}

func offsets(ctx context.Context) error {
	topic, admin, err := withTopic(ctx, 1, nil)
	if err != nil {
		return err
	}
	defer admin.Close()
	producer := client()
	defer producer.Close()
	base := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	for i := range 5 {
		record := &kgo.Record{Topic: topic, Value: []byte("v"), Timestamp: base.Add(time.Duration(i) * time.Second)}
		if err := producer.ProduceSync(ctx, record).FirstErr(); err != nil {
			return err
		}
	}
	at := func(listed kadm.ListedOffsets, err error) int64 {
		if err != nil {
			return -100
		}
		offset, _ := listed.Lookup(topic, 0)
		return offset.Offset
	}
	got := []int64{at(admin.ListStartOffsets(ctx, topic)), at(admin.ListEndOffsets(ctx, topic)), at(admin.ListCommittedOffsets(ctx, topic)),
		at(admin.ListOffsetsAfterMilli(ctx, base.UnixMilli()+1500, topic)), at(admin.ListMaxTimestampOffsets(ctx, topic))}
	if want := []int64{0, 5, 5, 2, 4}; !slices.Equal(got, want) {
		return fmt.Errorf("offsets %v instead of %v", got, want)
	}
	if _, err := admin.DeleteRecords(ctx, kadm.Offsets{topic: {0: {Topic: topic, Partition: 0, At: 3}}}); err != nil {
		return err
	}
	if first := at(admin.ListStartOffsets(ctx, topic)); first != 3 {
		return fmt.Errorf("the log starts at %d after deleting to 3", first)
	}
	return nil
}

func administration(ctx context.Context) error {
	topic, admin, err := withTopic(ctx, 2, nil)
	if err != nil {
		return err
	}
	defer admin.Close()
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, topic); !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("creating twice answered %v", err)
	}
	if grown, err := admin.UpdatePartitions(ctx, 4, topic); err != nil || grown.Error() != nil {
		return fmt.Errorf("adding partitions: %v %v", err, grown)
	}
	value := "123456"
	changes := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}
	if altered, err := admin.AlterTopicConfigs(ctx, changes, topic); err != nil || altered[0].Err != nil {
		return fmt.Errorf("altering configs: %v %v", err, altered)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(configs[0].Configs, func(c kadm.Config) bool { return c.Key == "retention.ms" && c.MaybeValue() == value }) {
		return errors.New("retention.ms was not changed")
	}
	listed, err := admin.ListTopics(ctx, topic)
	if err != nil || len(listed[topic].Partitions) != 4 {
		return fmt.Errorf("listed as %v %v", listed, err)
	}
	if versions, err := admin.ApiVersions(ctx); err != nil || len(versions) != 1 {
		return fmt.Errorf("api versions: %v", err)
	}
	_, err = admin.DeleteTopic(ctx, topic)
	return err
}

func main() {
	bootstrap = os.Args[1]
	checks := []check{
		{"codec-none", roundTrip(kgo.ProducerBatchCompression(kgo.NoCompression()))},
		{"codec-gzip", roundTrip(kgo.ProducerBatchCompression(kgo.GzipCompression()))},
		{"codec-snappy", roundTrip(kgo.ProducerBatchCompression(kgo.SnappyCompression()))},
		{"codec-lz4", roundTrip(kgo.ProducerBatchCompression(kgo.Lz4Compression()))},
		{"codec-zstd", roundTrip(kgo.ProducerBatchCompression(kgo.ZstdCompression()))},
		{"acks-0", roundTrip(kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())},
		{"acks-1", roundTrip(kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())},
		{"headers-and-nulls", headers},
		{"ten-mb-message", largeMessage},
		{"group-cooperative", group("classic", func() []kgo.Opt { return nil })},
		{"group-eager", group("classic", func() []kgo.Opt { return []kgo.Opt{kgo.Balancers(kgo.RangeBalancer())} })},
		{"group-consumer-protocol", group("consumer", func() []kgo.Opt { return []kgo.Opt{kgo.ServerSideBalancer()} })},
		{"group-static", group("classic", func() []kgo.Opt { return []kgo.Opt{kgo.InstanceID("only")} })},
		{"transactions", transactions},
		{"consume-transform-produce", consumeTransformProduce},
		{"offsets", offsets},
		{"administration", administration},
	}
	failed := false
	for _, one := range checks {
		if wanted := os.Args[2:]; len(wanted) > 0 && !slices.Contains(wanted, one.name) {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := one.run(ctx); err != nil {
			failed = true
			fmt.Println("FAIL", one.name, strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("PASS", one.name)
		}
		cancel()
	}
	if failed {
		os.Exit(1)
	}
}

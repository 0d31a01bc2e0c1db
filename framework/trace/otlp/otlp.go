package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"loumiao/framework/trace"
)

const (
	queueSpans   = 4096            // that wait to be sent, for one node; more are dropped
	batchSpans   = 512             // in one request
	batchEvery   = time.Second     // between requests when there are fewer
	sendTimeout  = 5 * time.Second // of one request
	stopTimeout  = 2 * time.Second // for what is left when a node stops
	maxText      = 2048            // bytes of one attribute
	quietFailure = time.Minute     // between two log lines about a collector that does not take what it is sent
)

// A Config is what a [Source] needs.
type Config struct {
	// Endpoint is the collector's OTLP address over HTTP, without a path of its own unless it has one: http://127.0.0.1:4318. Required.
	Endpoint string
	// Sample is which part of client messages is traced, from 0 to 1.
	Sample float64
	// Version is the build, for people.
	Version string
	// Log gets failures to send. nil discards.
	Log *slog.Logger
}

// Validate reports everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	if u, err := url.Parse(c.Endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		errs = append(errs, errors.New("endpoint: not a http or https URL, such as http://127.0.0.1:4318"))
	}
	if !(c.Sample >= 0 && c.Sample <= 1) {
		errs = append(errs, fmt.Errorf("sample: %v is not from 0 to 1", c.Sample))
	}
	return errors.Join(errs...)
}

// A Source makes tracers that send to one collector. It holds no goroutine of its own; each tracer does until it is stopped.
type Source struct {
	cfg    Config
	url    string
	client *http.Client

	mu     sync.Mutex
	failed time.Time // when that was logged last
}

// New is a Source. It does not look for the collector.
func New(cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{
		cfg: cfg, url: strings.TrimSuffix(cfg.Endpoint, "/") + "/v1/traces",
		client: &http.Client{
			Transport:     &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Open is part of [trace.Source].
func (s *Source) Open(service string, node uint16) (trace.Tracer, func(context.Context) error) {
	limits := sdk.NewSpanLimits()
	limits.AttributeValueLengthLimit = maxText
	provider := sdk.NewTracerProvider(
		sdk.WithSampler(sdk.AlwaysSample()), // what is not to be recorded never gets here
		sdk.WithRawSpanLimits(limits),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", service), attribute.Int("service.instance.id", int(node)), attribute.String("service.version", s.cfg.Version),
		)),
		sdk.WithBatcher(exporter{s}, sdk.WithMaxQueueSize(queueSpans), sdk.WithMaxExportBatchSize(batchSpans),
			sdk.WithBatchTimeout(batchEvery), sdk.WithExportTimeout(sendTimeout)),
	)
	stop := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, stopTimeout)
		defer cancel()
		err := provider.Shutdown(ctx)
		s.client.CloseIdleConnections()
		return err
	}
	return &tracer{provider.Tracer("loumiao"), s.cfg.Sample}, stop
}

// exporter sends batches for the library. Failures are logged here, and are nobody else's: the library would tell a global.
type exporter struct{ source *Source }

// ExportSpans sends one batch.
func (x exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if err := x.source.send(ctx, encode(spans)); err != nil {
		x.source.warn(err, len(spans))
	}
	return nil
}

// Shutdown has nothing to do.
func (exporter) Shutdown(context.Context) error { return nil }

func (s *Source) send(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %s", resp.Status)
	}
	return nil
}

// warn logs a failure, unless one was just logged.
func (s *Source) warn(err error, spans int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.failed) >= quietFailure {
		s.failed = now
		s.cfg.Log.Warn("traces are lost: the collector does not take them", "spans", spans, "error", hideUser(err))
	}
}

// hideUser takes the URL, which may hold a password, out of an error of package http.
func hideUser(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// sampled draws whether a trace is recorded.
func sampled(part float64) bool { return part > 0 && rand.Float64() < part }

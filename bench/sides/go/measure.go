package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// stage is the part of a round that callers are in.
type stage = int32

const (
	warmUp    stage = iota // Operations run but do not count.
	measuring              // Operations that end now count.
	over                   // Callers stop.
)

// pause is how long a caller waits after an error, if it goes on at all.
const pause = 5 * time.Millisecond

// caller is a closed loop. It keeps what it measured to itself until the round is over.
type caller struct {
	number    int
	latencies []time.Duration
	answers   []time.Time // When they came: only kept by one that goes on through errors.
	errors    int
}

// run returns an error only if it is not to go through them.
func (c *caller) run(operation operation, now *stage, throughErrors bool) error {
	ctx := context.Background()
	numbers := rand.New(rand.NewSource(int64(c.number)))
	for atomic.LoadInt32(now) != over {
		asked := time.Now()
		if err := operation(ctx, c.number, numbers); err != nil {
			if !throughErrors {
				return err
			}
			if atomic.LoadInt32(now) == measuring {
				c.errors++
			}
			time.Sleep(pause)
			continue
		}
		answered := time.Now()
		if atomic.LoadInt32(now) != measuring {
			continue
		}
		c.latencies = append(c.latencies, answered.Sub(asked))
		if throughErrors {
			c.answers = append(c.answers, answered)
		}
	}
	return nil
}

type figures struct {
	Operations int     `json:"operations"`
	Seconds    float64 `json:"seconds"`
	P50        float64 `json:"p50_us"`
	P99        float64 `json:"p99_us"`
	CPU        float64 `json:"cpu_ms"`
	*recovered
}

// recovered is what `recovery` adds.
type recovered struct {
	ResumedAt float64 `json:"resumed_at"`
	Errors    int     `json:"errors"`
}

// measure runs all callers through one round.
func measure(operation operation, o options) (*figures, error) {
	recovery := o.workload == "recovery"
	now := warmUp
	failed := make(chan error, o.callers)
	callers := make([]caller, o.callers)
	var running sync.WaitGroup
	for i := range callers {
		c := &callers[i]
		c.number = i + 1
		running.Add(1)
		go func() {
			defer running.Done()
			if err := c.run(operation, &now, recovery); err != nil {
				failed <- err
			}
		}()
	}
	if err := letPass(o.warmUp, failed); err != nil {
		return nil, err
	}
	fmt.Println("ready")
	began, cpuBefore := time.Now(), cpuTime()
	atomic.StoreInt32(&now, measuring)
	if err := letPass(o.seconds, failed); err != nil {
		return nil, err
	}
	atomic.StoreInt32(&now, over)
	cpu, seconds := cpuTime()-cpuBefore, time.Since(began).Seconds()
	running.Wait()
	select {
	case err := <-failed:
		return nil, err
	default:
	}
	return sumUp(callers, seconds, cpu, recovery)
}

// letPass waits so many seconds, unless a caller fails.
func letPass(seconds float64, failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	case <-time.After(time.Duration(seconds * float64(time.Second))):
		return nil
	}
}

// cpuTime is what this process has used so far, user and system.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func sumUp(callers []caller, seconds float64, cpu time.Duration, recovery bool) (*figures, error) {
	var latencies []time.Duration
	var answers []time.Time
	errorCount := 0
	for i := range callers {
		latencies = append(latencies, callers[i].latencies...)
		answers = append(answers, callers[i].answers...)
		errorCount += callers[i].errors
	}
	if len(latencies) == 0 {
		return nil, errors.New("no operation ended within the round")
	}
	sort.Slice(latencies, func(i, j int) bool { return latencies[i] < latencies[j] })
	percentile := func(share float64) float64 {
		return float64(latencies[int(share*float64(len(latencies)-1))].Nanoseconds()) / 1e3
	}
	result := &figures{len(latencies), seconds, percentile(0.5), percentile(0.99), float64(cpu.Microseconds()) / 1e3, nil}
	if recovery {
		result.recovered = &recovered{endOfLongestGap(answers), errorCount}
	}
	return result, nil
}

// endOfLongestGap is the Unix time, in seconds, of the first answer after the longest time without one.
func endOfLongestGap(answers []time.Time) float64 {
	sort.Slice(answers, func(i, j int) bool { return answers[i].Before(answers[j]) })
	end := answers[0]
	var longest time.Duration
	for i := 1; i < len(answers); i++ {
		if gap := answers[i].Sub(answers[i-1]); gap > longest {
			longest, end = gap, answers[i]
		}
	}
	return float64(end.UnixMicro()) / 1e6
}

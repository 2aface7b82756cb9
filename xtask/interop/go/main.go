// What a Go program sees: go-zookeeper/zk against a running ensemble.
//
// usage: checks HOST:PORT,HOST:PORT,HOST:PORT
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

const patience = 30 * time.Second

var (
	servers []string
	answers = bufio.NewReader(os.Stdin)
	open    = zk.WorldACL(zk.PermAll)
)

type silent struct{}

func (silent) Printf(string, ...interface{}) {}

// A failure of a check; it is thrown, so that a check reads as a list of what holds.
type failure struct{ text string }

func fail(format string, words ...interface{}) {
	_, _, line, _ := runtime.Caller(2)
	panic(failure{fmt.Sprintf(format, words...) + fmt.Sprintf(" (line %d)", line)})
}

func require(holds bool, otherwise string) {
	if !holds {
		fail("%s", otherwise)
	}
}

func equal(expected, found interface{}) {
	if !reflect.DeepEqual(expected, found) {
		fail("expected %v, found %v", expected, found)
	}
}

func good(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func refused(err, expected error) {
	if !errors.Is(err, expected) {
		fail("expected %v, found %v", expected, err)
	}
}

func eventually(what string, holds func() bool) {
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			fail("waited for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Asks the one who runs this program for something.
func ask(wish string) string {
	fmt.Println("ask " + wish)
	answer, err := answers.ReadString('\n')
	if err != nil || strings.HasPrefix(answer, "cannot") {
		fail("%s: %s %v", wish, answer, err)
	}
	return strings.TrimSpace(answer)
}

type world struct {
	root   string
	conns  []*zk.Conn
	killed []string
}

func (w *world) client(addresses ...string) (*zk.Conn, *history) {
	if len(addresses) == 0 {
		addresses = servers
	}
	conn, events, err := zk.Connect(addresses, 10*time.Second, zk.WithLogger(silent{}))
	good(err)
	w.conns = append(w.conns, conn)
	seen := &history{}
	go seen.follow(events)
	eventually("a session", func() bool { return conn.State() == zk.StateHasSession })
	return conn, seen
}

// The states of a connection, one after another.
type history struct {
	lock   sync.Mutex
	states []zk.State
}

func (h *history) follow(events <-chan zk.Event) {
	for event := range events {
		h.lock.Lock()
		h.states = append(h.states, event.State)
		h.lock.Unlock()
	}
}

func (h *history) has(state zk.State) bool {
	h.lock.Lock()
	defer h.lock.Unlock()
	for _, seen := range h.states {
		if seen == state {
			return true
		}
	}
	return false
}

func (w *world) kill(server string) {
	w.killed = append(w.killed, server)
	ask("kill " + server)
}

func (w *world) end() {
	for _, conn := range w.conns {
		conn.Close()
	}
	for _, server := range w.killed {
		ask("start " + server)
	}
}

// Waits until an operation is answered at all: this client does not try again by itself.
func again(operation func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := operation()
		lost := errors.Is(err, zk.ErrConnectionClosed) || errors.Is(err, zk.ErrNoServer)
		if !lost || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func event(events <-chan zk.Event) zk.Event {
	select {
	case next := <-events:
		return next
	case <-time.After(patience):
		fail("no event")
		return zk.Event{}
	}
}

func quiet(events <-chan zk.Event) {
	select {
	case next, more := <-events:
		if more {
			fail("an event too many: %v", next)
		}
	default:
	}
}

type check struct {
	sentence string
	body     func(*world)
}

var checks = []check{
	{"create in every mode", modes},
	{"data is written by version and read with its stat", data},
	{"children and ACLs", childrenAndACLs},
	{"each kind of watch fires once", watches},
	{"a transaction happens as a whole or not at all", multi},
	{"a chroot-free client sees the configuration, and sync works", system},
	{"much at once is answered", load},
	{"locks are held by one at a time", locks},
	{"a protected sequential node is created once", protected},
	{"four-letter words are understood", words},
	{"reconfiguration is refused while it is switched off", reconfig},
	{"a session, its ephemerals and its watches go on when its server is killed",
		func(w *world) { survival(w, func(conn *zk.Conn) string { return conn.Server() }) }},
	{"a session, its ephemerals and its watches go on when the leader is killed",
		func(w *world) { survival(w, func(*zk.Conn) string { return ask("leader") }) }},
	{"a session is over when its client is gone for long", expiry},
}

func modes(w *world) {
	conn, _ := w.client()
	_, err := conn.Create(w.root, nil, 0, open)
	good(err)
	_, err = conn.Create(w.root, nil, 0, open)
	refused(err, zk.ErrNodeExists)
	_, err = conn.Create(w.root+"/none/x", nil, 0, open)
	refused(err, zk.ErrNoNode)
	var made []string
	for flag := int32(0); flag < 4; flag++ {
		path, err := conn.Create(fmt.Sprintf("%s/m%d-", w.root, flag), []byte("x"), flag, open)
		good(err)
		made = append(made, strings.TrimPrefix(path, w.root))
	}
	equal([]string{"/m0-", "/m1-", "/m2-0000000002", "/m3-0000000003"}, made)
	_, err = conn.Create(w.root+"/m1-/x", nil, 0, open)
	refused(err, zk.ErrNoChildrenForEphemerals)
	path, err := conn.CreateContainer(w.root+"/c", nil, zk.FlagContainer, open)
	good(err)
	equal(w.root+"/c", path)
	_, err = conn.CreateTTL(w.root+"/t", nil, zk.FlagTTL, open, time.Hour)
	good(err)
	path, err = conn.CreateTTL(w.root+"/ts-", nil, zk.FlagPersistentSequentialWithTTL, open,
		time.Second)
	good(err)
	equal(w.root+"/ts-0000000006", path)
	conn.Close()
	other, _ := w.client()
	eventually("the short-lived one to go", func() bool {
		children, _, err := other.Children(w.root)
		good(err)
		sort.Strings(children)
		return reflect.DeepEqual([]string{"c", "m0-", "m2-0000000002", "t"}, children)
	})
}

func data(w *world) {
	conn, _ := w.client()
	_, err := conn.Create(w.root, []byte("0"), 0, open)
	good(err)
	stat, err := conn.Set(w.root, []byte("one"), 0)
	good(err)
	equal(int32(1), stat.Version)
	value, read, err := conn.Get(w.root)
	good(err)
	equal("one", string(value))
	equal(stat, read)
	equal([]int32{1, 3, 0}, []int32{read.Version, read.DataLength, read.NumChildren})
	_, err = conn.Set(w.root, nil, 0)
	refused(err, zk.ErrBadVersion)
	_, _, err = conn.Get(w.root + "/none")
	refused(err, zk.ErrNoNode)
	refused(conn.Delete(w.root, 7), zk.ErrBadVersion)
	good(conn.Delete(w.root, 1))
	there, _, err := conn.Exists(w.root)
	good(err)
	require(!there, "it is still there")
}

func childrenAndACLs(w *world) {
	conn, _ := w.client()
	stranger, _ := w.client()
	good(conn.AddAuth("digest", []byte("user:password")))
	_, err := conn.Create(w.root, []byte("secret"), 0, zk.AuthACL(zk.PermAll))
	good(err)
	_, err = conn.Create(w.root+"/a", nil, 0, open)
	good(err)
	acl, stat, err := conn.GetACL(w.root)
	good(err)
	equal(zk.DigestACL(zk.PermAll, "user", "password"), acl)
	equal(int32(0), stat.Aversion)
	_, _, err = stranger.Get(w.root)
	refused(err, zk.ErrNoAuth)
	_, _, err = stranger.Children(w.root)
	refused(err, zk.ErrNoAuth)
	refused(stranger.Delete(w.root+"/a", -1), zk.ErrNoAuth)
	good(stranger.AddAuth("digest", []byte("user:password")))
	children, stat, err := stranger.Children(w.root)
	good(err)
	equal([]string{"a"}, children)
	equal(int32(1), stat.NumChildren)
	refused(conn.Delete(w.root, -1), zk.ErrNotEmpty)
	_, err = conn.SetACL(w.root, zk.WorldACL(zk.PermRead), 5)
	refused(err, zk.ErrBadVersion)
	_, err = conn.SetACL(w.root, zk.WorldACL(zk.PermRead), 0)
	good(err)
	_, err = conn.Set(w.root, nil, -1)
	refused(err, zk.ErrNoAuth)
	_, err = conn.Create(w.root+"-x", nil, 0, []zk.ACL{{Perms: 1, Scheme: "nobody", ID: "x"}})
	refused(err, zk.ErrInvalidACL)
}

func watches(w *world) {
	conn, _ := w.client()
	other, _ := w.client()
	_, err := conn.Create(w.root, nil, 0, open)
	good(err)
	there, _, born, err := conn.ExistsW(w.root + "/a")
	good(err)
	require(!there, "it is there")
	_, _, children, err := conn.ChildrenW(w.root)
	good(err)
	_, _, changed, err := conn.GetW(w.root)
	good(err)
	_, err = other.Create(w.root+"/a", nil, 0, open)
	good(err)
	_, err = other.Set(w.root, []byte("1"), -1)
	good(err)
	_, err = other.Set(w.root, []byte("2"), -1)
	good(err)
	equal(zk.EventNodeCreated, event(born).Type)
	equal(zk.EventNodeChildrenChanged, event(children).Type)
	last := event(changed)
	equal(zk.EventNodeDataChanged, last.Type)
	equal(w.root, last.Path)
	_, _, gone, err := conn.GetW(w.root + "/a")
	good(err)
	good(other.Delete(w.root+"/a", -1))
	equal(zk.EventNodeDeleted, event(gone).Type)
	_, err = conn.Sync(w.root)
	good(err)
	quiet(changed)
	quiet(children)
}

func multi(w *world) {
	conn, _ := w.client()
	_, err := conn.Create(w.root, []byte("0"), 0, open)
	good(err)
	results, err := conn.Multi(
		&zk.CheckVersionRequest{Path: w.root, Version: 0},
		&zk.CreateRequest{Path: w.root + "/a", Acl: open},
		&zk.CreateRequest{Path: w.root + "/s-", Acl: open, Flags: zk.FlagSequence},
		&zk.SetDataRequest{Path: w.root, Data: []byte("1"), Version: 0},
		&zk.DeleteRequest{Path: w.root + "/a", Version: 0})
	good(err)
	equal(5, len(results))
	equal(w.root+"/s-0000000001", results[2].String)
	equal(int32(1), results[3].Stat.Version)
	results, err = conn.Multi(
		&zk.CreateRequest{Path: w.root + "/b", Acl: open},
		&zk.CheckVersionRequest{Path: w.root, Version: 9},
		&zk.DeleteRequest{Path: w.root + "/none"})
	refused(err, zk.ErrBadVersion)
	equal(3, len(results))
	refused(results[1].Error, zk.ErrBadVersion)
	there, _, err := conn.Exists(w.root + "/b")
	good(err)
	require(!there, "half of it happened")
}

func system(w *world) {
	conn, _ := w.client()
	config, _, err := conn.Get("/zookeeper/config")
	good(err)
	require(strings.Contains(string(config), "server.1="), string(config))
	path, err := conn.Sync("/")
	good(err)
	equal("/", path)
	require(conn.SessionID() != 0, "there is no session")
}

func load(w *world) {
	conn, _ := w.client()
	_, err := conn.Create(w.root, nil, 0, open)
	good(err)
	var group sync.WaitGroup
	wrong := make(chan error, 400)
	for n := 0; n < 200; n++ {
		group.Add(1)
		go func(path string) {
			defer group.Done()
			_, err := conn.Create(path, []byte(path), 0, open)
			wrong <- err
			value, _, err := conn.Get(path)
			if err == nil && string(value) != path {
				err = fmt.Errorf("%s holds %s", path, value)
			}
			wrong <- err
		}(fmt.Sprintf("%s/%d", w.root, n))
	}
	group.Wait()
	close(wrong)
	for err := range wrong {
		good(err)
	}
	_, stat, err := conn.Exists(w.root)
	good(err)
	equal(int32(200), stat.NumChildren)
	big := make([]byte, 900_000)
	_, err = conn.Set(w.root, big, -1)
	good(err)
	value, _, err := conn.Get(w.root)
	good(err)
	equal(len(big), len(value))
}

func locks(w *world) {
	var group sync.WaitGroup
	var holders, turns int
	var guard sync.Mutex
	wrong := make(chan string, 100)
	for n := 0; n < 4; n++ {
		conn, _ := w.client()
		group.Add(1)
		go func() {
			defer group.Done()
			for turn := 0; turn < 5; turn++ {
				lock := zk.NewLock(conn, w.root+"/lock", open)
				if err := lock.Lock(); err != nil {
					wrong <- err.Error()
					return
				}
				guard.Lock()
				holders++
				turns++
				if holders != 1 {
					wrong <- "two hold it"
				}
				guard.Unlock()
				time.Sleep(2 * time.Millisecond)
				guard.Lock()
				holders--
				guard.Unlock()
				if err := lock.Unlock(); err != nil {
					wrong <- err.Error()
				}
			}
		}()
	}
	group.Wait()
	require(len(wrong) == 0, "a lock is wrong")
	equal(20, turns)
}

func protected(w *world) {
	conn, _ := w.client()
	_, err := conn.Create(w.root, nil, 0, open)
	good(err)
	path, err := conn.CreateProtectedEphemeralSequential(w.root+"/p-", nil, open)
	good(err)
	require(strings.HasPrefix(path, w.root+"/_c_") && strings.HasSuffix(path, "0000000000"), path)
}

func words(w *world) {
	conn, _ := w.client()
	for _, fine := range zk.FLWRuok(servers, 5*time.Second) {
		require(fine, "a server is not ok")
	}
	stats, fine := zk.FLWSrvr(servers, 5*time.Second)
	require(fine, "srvr is not understood")
	leaders := 0
	for _, stat := range stats {
		good(stat.Error)
		if stat.Mode == zk.ModeLeader {
			leaders++
		}
	}
	equal(1, leaders)
	// A session without a request has no last cxid, and the line of the connection that asks has
	// nothing of all this: this client does not understand such lines.
	_, _, err := conn.Exists("/")
	good(err)
	clients, _ := zk.FLWCons([]string{conn.Server()}, 5*time.Second)
	found := false
	for _, client := range clients[0].Clients {
		found = found || client.SessionID == conn.SessionID()
	}
	require(found, "cons does not name this session")
}

func reconfig(w *world) {
	conn, _ := w.client()
	_, err := conn.IncrementalReconfig(nil, []string{"3"}, -1)
	refused(err, zk.ErrReconfigDisabled)
	_, err = conn.Reconfig([]string{"server.1=127.0.0.1:1:2;3"}, -1)
	refused(err, zk.ErrReconfigDisabled)
}

func survival(w *world, whom func(*zk.Conn) string) {
	conn, seen := w.client()
	_, err := conn.Create(w.root, nil, 0, open)
	good(err)
	_, err = conn.Create(w.root+"/e", nil, zk.FlagEphemeral, open)
	good(err)
	_, _, children, err := conn.ChildrenW(w.root)
	good(err)
	_, _, later, err := conn.ExistsW(w.root + "/later")
	good(err)
	session := conn.SessionID()
	w.kill(whom(conn))
	other, _ := w.client()
	err = again(func() error {
		_, err := other.Create(w.root+"/later", nil, 0, open)
		return err
	})
	require(err == nil || errors.Is(err, zk.ErrNodeExists), fmt.Sprint(err))
	equal(zk.EventNodeChildrenChanged, event(children).Type)
	equal(zk.EventNodeCreated, event(later).Type)
	good(again(func() error {
		_, err := conn.Set(w.root, []byte("after"), -1)
		return err
	}))
	equal(session, conn.SessionID())
	require(!seen.has(zk.StateExpired), "the session expired")
	good(again(func() error { _, err := other.Sync(w.root); return err }))
	value, _, err := other.Get(w.root)
	good(err)
	equal("after", string(value))
	there, stat, err := other.Exists(w.root + "/e")
	good(err)
	require(there && stat.EphemeralOwner == session, "the ephemeral is gone")
	conn.Close()
	eventually("the ephemeral to go", func() bool {
		there, _, err := other.Exists(w.root + "/e")
		return err == nil && !there
	})
}

// A client whose only server stays away for longer than its session lives.
func expiry(w *world) {
	other, _ := w.client()
	leader := ask("leader")
	var follower string
	for _, server := range servers {
		if server != leader {
			follower = server
		}
	}
	conn, seen := w.client(follower)
	_, err := conn.Create(w.root, nil, zk.FlagEphemeral, open)
	good(err)
	w.kill(follower)
	eventually("the ephemeral to go", func() bool {
		var there bool
		err := again(func() error {
			var err error
			there, _, err = other.Exists(w.root)
			return err
		})
		return err == nil && !there
	})
	ask("start " + follower)
	w.killed = nil
	eventually("the client to be told", func() bool { return seen.has(zk.StateExpired) })
}

func run(number int, one check) (wrong string) {
	w := &world{root: fmt.Sprintf("/go-%d-%d", os.Getpid(), number)}
	defer func() {
		if thrown := recover(); thrown != nil {
			wrong = strings.ReplaceAll(fmt.Sprint(thrown), "\n", " ")
		}
	}()
	defer w.end()
	one.body(w)
	return ""
}

func main() {
	servers = strings.Split(os.Args[1], ",")
	for number, one := range checks {
		if wrong := run(number, one); wrong != "" {
			fmt.Printf("FAILED go: %s: %s\n", one.sentence, wrong)
		} else {
			fmt.Printf("ok go: %s\n", one.sentence)
		}
	}
}

// What a Node program sees: node-zookeeper-client against a running ensemble.
//
// usage: node node_checks.js HOST:PORT,HOST:PORT,HOST:PORT

'use strict';

const assert = require('assert');
const path = require('path');
const readline = require('readline');
const { promisify } = require('util');
const zookeeper = require(path.resolve(process.argv[3], 'node-zookeeper-client'));

const { ACL, CreateMode, Event, Exception, Id, Permission, State } = zookeeper;
const SERVERS = process.argv[2];
const PATIENCE = 30000;
const checks = [];

function check(sentence, body) {
    checks.push([sentence, body]);
}

// The one who runs this program answers what it is asked for, line by line.
const answers = [];
const asking = [];
readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const asked = asking.shift();
    if (asked) {
        asked(line);
    } else {
        answers.push(line);
    }
});

async function ask(wish) {
    console.log('ask ' + wish);
    const answer = await new Promise((resolve) => asking.push(resolve));
    assert(!answer.startsWith('cannot'), wish + ': ' + answer);
    return answer;
}

function bounded(promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('waited for ' + what)), PATIENCE);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function eventually(what, condition) {
    const deadline = Date.now() + PATIENCE;
    while (!await condition()) {
        assert(Date.now() < deadline, 'waited for ' + what);
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
}

// A client whose operations are promises. Those with two results give a list.
class Client {
    constructor(servers = SERVERS, options = { sessionTimeout: 10000, retries: 20 }) {
        this.raw = zookeeper.createClient(servers, options);
        this.states = [];
        this.raw.on('state', (state) => this.states.push(state.getName()));
        const several = (name) => (...words) => bounded(new Promise((resolve, reject) => {
            this.raw[name](...words, (error, ...results) => {
                if (error) {
                    reject(error);
                } else {
                    resolve(results.length > 1 ? results : results[0]);
                }
            });
        }), name);
        for (const name of ['create', 'remove', 'removeRecursive', 'setData', 'getData', 'setACL',
            'getACL', 'exists', 'getChildren', 'listSubTreeBFS', 'mkdirp']) {
            this[name] = several(name);
        }
    }

    async connect() {
        const connected = new Promise((resolve) => this.raw.once('connected', resolve));
        this.raw.connect();
        await bounded(connected, 'a connection');
        return this;
    }

    close() {
        const gone = new Promise((resolve) => this.raw.once('disconnected', resolve));
        if (this.raw.getState() !== State.SYNC_CONNECTED) {
            this.raw.close();
            return Promise.resolve();
        }
        this.raw.close();
        return bounded(gone, 'the end of a connection');
    }

    server() {
        const socket = this.raw.connectionManager.socket;
        return socket.remoteAddress.replace('::ffff:', '') + ':' + socket.remotePort;
    }
}

class World {
    constructor(root) {
        this.root = root;
        this.clients = [];
        this.killed = [];
    }

    async client(...words) {
        const client = new Client(...words);
        this.clients.push(client);
        return client.connect();
    }

    async kill(server) {
        this.killed.push(server);
        await ask('kill ' + server);
    }

    async end() {
        for (const client of this.clients) {
            await client.close().catch(() => {});
        }
        for (const server of this.killed) {
            await ask('start ' + server);
        }
    }
}

async function refused(promise, code) {
    try {
        await promise;
    } catch (error) {
        assert.strictEqual(error.code, code, String(error));
        return error;
    }
    throw new Error('it was not refused');
}

function seen() {
    const events = [];
    const watcher = (event) => events.push(event.getName() + ' ' + event.getPath());
    return { events, watcher };
}

check('connecting gives a session', async (world) => {
    const zk = await world.client();
    assert.strictEqual(zk.raw.getState(), State.SYNC_CONNECTED);
    assert(zk.raw.getSessionId().some((byte) => byte !== 0));
    assert.strictEqual(zk.raw.getSessionPassword().length, 16);
    assert.strictEqual(zk.raw.getSessionTimeout(), 10000);
});

check('create in every mode', async (world) => {
    const zk = await world.client();
    assert.strictEqual(await zk.create(world.root), world.root);
    const made = [];
    for (const mode of [CreateMode.PERSISTENT, CreateMode.EPHEMERAL,
        CreateMode.PERSISTENT_SEQUENTIAL, CreateMode.EPHEMERAL_SEQUENTIAL]) {
        made.push(await zk.create(world.root + '/m' + mode + '-', Buffer.from('x'), null, mode));
    }
    const root = world.root;
    assert.deepStrictEqual(made,
        [root + '/m0-', root + '/m1-', root + '/m2-0000000002', root + '/m3-0000000003']);
    await refused(zk.create(root), Exception.NODE_EXISTS);
    await refused(zk.create(root + '/none/x'), Exception.NO_NODE);
    await refused(zk.create(root + '/m1-/x'), Exception.NO_CHILDREN_FOR_EPHEMERALS);
    await zk.close();
    const other = await world.client();
    await eventually('the ephemerals to go', async () =>
        (await other.getChildren(root))[0].length === 2);
    const [children] = await other.getChildren(root);
    assert.deepStrictEqual(children.sort(), ['m0-', 'm2-0000000002']);
});

check('data is written by version and read with its stat', async (world) => {
    const zk = await world.client();
    await zk.create(world.root, Buffer.from('0'));
    const stat = await zk.setData(world.root, Buffer.from('one'), 0);
    assert.strictEqual(stat.version, 1);
    const [data, read] = await zk.getData(world.root);
    assert.strictEqual(data.toString(), 'one');
    assert.deepStrictEqual([read.version, read.dataLength, read.numChildren], [1, 3, 0]);
    await refused(zk.setData(world.root, Buffer.from('x'), 0), Exception.BAD_VERSION);
    await refused(zk.getData(world.root + '/none'), Exception.NO_NODE);
    await zk.setData(world.root, Buffer.alloc(0));
    await refused(zk.remove(world.root, 7), Exception.BAD_VERSION);
    await zk.remove(world.root, 2);
    assert.strictEqual(await zk.exists(world.root), null);
});

check('children, subtrees, and their removal', async (world) => {
    const zk = await world.client();
    await zk.mkdirp(world.root + '/a/b/c');
    await zk.mkdirp(world.root + '/a/d', Buffer.from('x'));
    const [children, stat] = await zk.getChildren(world.root + '/a');
    assert.deepStrictEqual(children.sort(), ['b', 'd']);
    assert.deepStrictEqual([stat.cversion, stat.numChildren], [2, 2]);
    await refused(zk.remove(world.root + '/a'), Exception.NOT_EMPTY);
    // This client lists and removes two levels only, whatever their names say.
    const all = await zk.listSubTreeBFS(world.root + '/a/b');
    assert.deepStrictEqual(all, [world.root + '/a/b', world.root + '/a/b/c']);
    await zk.removeRecursive(world.root + '/a/b');
    await zk.removeRecursive(world.root + '/a');
    assert.deepStrictEqual((await zk.getChildren(world.root))[0], []);
});

check('ACLs keep strangers out, and the digest lets in', async (world) => {
    const zk = await world.client();
    const stranger = await world.client();
    zk.raw.addAuthInfo('digest', Buffer.from('user:password'));
    await zk.create(world.root, Buffer.from('secret'),
        [new ACL(Permission.ALL, new Id('auth', ''))]);
    const [acls, stat] = await zk.getACL(world.root);
    assert.deepStrictEqual([acls.length, acls[0].id.scheme, acls[0].id.id, acls[0].permission],
        [1, 'digest', 'user:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY=', Permission.ALL]);
    assert.strictEqual(stat.aversion, 0);
    await eventually('the node to be seen', () => stranger.exists(world.root).then(() => false,
        (error) => error.code === Exception.NO_AUTH));
    await refused(stranger.getData(world.root), Exception.NO_AUTH);
    await refused(stranger.setData(world.root, Buffer.alloc(0)), Exception.NO_AUTH);
    await refused(stranger.setACL(world.root, ACL.OPEN_ACL_UNSAFE), Exception.NO_AUTH);
    stranger.raw.addAuthInfo('digest', Buffer.from('user:password'));
    assert.strictEqual((await stranger.getData(world.root))[0].toString(), 'secret');
    await refused(zk.setACL(world.root, ACL.READ_ACL_UNSAFE, 5), Exception.BAD_VERSION);
    assert.strictEqual((await zk.setACL(world.root, ACL.READ_ACL_UNSAFE, 0)).aversion, 1);
    await refused(zk.setData(world.root, Buffer.alloc(0)), Exception.NO_AUTH);
    await refused(zk.create(world.root + '-x', null, [new ACL(1, new Id('nobody', 'x'))]),
        Exception.INVALID_ACL);
});

check('an unknown scheme fails the connection', async (world) => {
    const zk = await world.client();
    const failed = new Promise((resolve) => zk.raw.once('authenticationFailed', resolve));
    zk.raw.addAuthInfo('nobody', Buffer.from('x'));
    await bounded(failed, 'authentication to fail');
});

check('each kind of watch fires once', async (world) => {
    const zk = await world.client();
    const other = await world.client();
    await zk.create(world.root);
    const { events, watcher } = seen();
    await zk.exists(world.root + '/a', watcher);
    await zk.getChildren(world.root, watcher);
    await zk.getData(world.root, watcher);
    await other.create(world.root + '/a');
    await other.setData(world.root, Buffer.from('1'));
    await other.setData(world.root, Buffer.from('2'));
    await other.create(world.root + '/b');
    await eventually('the node to be seen', () => zk.exists(world.root + '/a'));
    await zk.getData(world.root + '/a', watcher);
    await other.remove(world.root + '/a');
    await eventually('four events', () => events.length === 4);
    assert.deepStrictEqual(events, ['NODE_CREATED ' + world.root + '/a',
        'NODE_CHILDREN_CHANGED ' + world.root, 'NODE_DATA_CHANGED ' + world.root,
        'NODE_DELETED ' + world.root + '/a']);
    assert.strictEqual(Event.NODE_CREATED, 1);
});

check('a transaction happens as a whole or not at all', async (world) => {
    const zk = await world.client();
    await zk.create(world.root, Buffer.from('0'));
    const commit = (transaction) => bounded(new Promise((resolve) => {
        transaction.commit((error, results) => resolve([error, results]));
    }), 'a transaction');
    const [error, results] = await commit(zk.raw.transaction().check(world.root, 0)
        .create(world.root + '/a', Buffer.from('a'))
        .create(world.root + '/s-', null, null, CreateMode.PERSISTENT_SEQUENTIAL)
        .setData(world.root, Buffer.from('1'), 0)
        .remove(world.root + '/a', 0));
    assert.ifError(error);
    assert.strictEqual(results.length, 5);
    assert.strictEqual(results[2].path, world.root + '/s-0000000001');
    const [failure, codes] = await commit(zk.raw.transaction()
        .create(world.root + '/b').check(world.root, 9).remove(world.root + '/none'));
    assert(failure, 'it must fail');
    assert.deepStrictEqual(codes.map((result) => result.err), [0, -103, -2]);
    assert.strictEqual(await zk.exists(world.root + '/b'), null);
    assert.strictEqual((await zk.exists(world.root)).version, 1);
});

check('a chroot hides what is above it', async (world) => {
    const zk = await world.client();
    await zk.mkdirp(world.root + '/inner');
    const inner = await world.client(SERVERS + world.root + '/inner',
        { sessionTimeout: 10000, retries: 20 });
    assert.strictEqual(await inner.create('/a', Buffer.from('1')), '/a');
    const { events, watcher } = seen();
    await inner.getData('/a', watcher);
    await zk.setData(world.root + '/inner/a', Buffer.from('2'));
    await eventually('an event', () => events.length === 1);
    assert.deepStrictEqual(events, ['NODE_DATA_CHANGED /a']);
    assert.deepStrictEqual((await inner.getChildren('/'))[0], ['a']);
});

check('much at once is answered in order', async (world) => {
    const zk = await world.client();
    await zk.create(world.root, Buffer.from('0'));
    const order = [];
    const all = [];
    for (let n = 1; n <= 500; n++) {
        all.push(zk.setData(world.root, Buffer.from(String(n))).then((stat) => {
            assert.strictEqual(stat.version, n);
            order.push(n);
        }));
        all.push(zk.getData(world.root).then(([data]) => {
            assert.strictEqual(data.toString(), String(n));
        }));
    }
    await Promise.all(all);
    assert.deepStrictEqual(order, order.slice().sort((a, b) => a - b));
    const big = Buffer.alloc(900000, 'x');
    await zk.setData(world.root, big);
    assert((await zk.getData(world.root))[0].equals(big));
});

for (const [whom, find] of [
    ['its server', async (zk) => zk.server()],
    ['the leader', async () => ask('leader')],
]) {
    check('a session, its ephemerals and its watches go on when ' + whom + ' is killed',
        async (world) => {
            const zk = await world.client();
            await zk.create(world.root);
            await zk.create(world.root + '/e', null, null, CreateMode.EPHEMERAL);
            const { events, watcher } = seen();
            await zk.getChildren(world.root, watcher);
            await zk.exists(world.root + '/later', watcher);
            const session = Buffer.from(zk.raw.getSessionId());
            await world.kill(await find(zk));
            const other = await world.client();
            await other.create(world.root + '/later');
            await eventually('two events', () => events.length === 2);
            await zk.setData(world.root, Buffer.from('after'));
            assert(session.equals(zk.raw.getSessionId()), 'it is another session');
            assert(!zk.states.includes('EXPIRED'), zk.states.join());
            await eventually('the write to be seen', async () =>
                String((await other.getData(world.root))[0]) === 'after');
            assert(await other.exists(world.root + '/e'), 'the ephemeral is gone');
            await zk.close();
            await eventually('the ephemeral to go', async () =>
                await other.exists(world.root + '/e') === null);
        });
}

check('a session that ended elsewhere is told that it expired', async (world) => {
    const zk = await world.client();
    await zk.create(world.root, null, null, CreateMode.EPHEMERAL);
    const session = ['sessionId', 'sessionPassword'].map((name) =>
        [name, Buffer.from(zk.raw.connectionManager[name])]);
    const expired = () => zk.states.includes('EXPIRED');
    // The first client takes its session back when it is quicker than the twin's farewell.
    await eventually('the session to expire', async () => {
        const twin = new Client();
        Object.assign(twin.raw.connectionManager, Object.fromEntries(session));
        twin.raw.once('connected', () => twin.raw.close());
        twin.raw.connect();
        const deadline = Date.now() + 1000;
        await eventually('the twin', () => expired() || Date.now() > deadline);
        twin.raw.close();
        return expired();
    });
    const other = await world.client();
    await eventually('the ephemeral to go', async () =>
        await other.exists(world.root) === null);
});

async function main() {
    for (const [number, [sentence, body]] of checks.entries()) {
        const world = new World('/node-' + process.pid + '-' + number);
        let wrong = null;
        try {
            await bounded(body(world), 'the check');
        } catch (error) {
            wrong = error;
        }
        try {
            await world.end();
        } catch (error) {
            wrong = wrong || error;
        }
        const place = wrong && /node_checks.js:(\d+)/.exec(wrong.stack);
        console.log(wrong
            ? `FAILED node: ${sentence}: ${String(wrong).replace(/\s+/g, ' ')}`
                + ` (line ${place ? place[1] : '?'})`
            : `ok node: ${sentence}`);
    }
    process.exit(0);
}

main();

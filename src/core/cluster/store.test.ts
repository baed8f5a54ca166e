import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { World } from '../kernel/machine.ts';
import { canonical, type Json, mergePatch } from './api-object.ts';
import { cidrContains, cidrCovers, formatCidr, parseCidr } from './cidr.ts';
import { kindOf } from './kinds.ts';
import { ApiError, clusterOf, createObject, deleteObject, getObject, listObjects, patchObject, updateObject, WATCH_LATENCY, watchObjects } from './store.ts';

const NODE = kindOf('v1', 'Node')!;
const node = (name: string, podCIDR = '10.244.1.0/24') => ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { podCIDR } });

function newCluster() {
  return clusterOf(new World({ seed: 1, record: 'nothing' }));
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof ApiError) return `${error.reason}: ${error.message}`;
    throw error;
  }
  return 'nothing';
}

describe('the store of the API server', () => {
  it('is one for a world', () => {
    const world = new World({ seed: 1, record: 'nothing' });
    createObject(clusterOf(world), NODE, node('node1'));
    expect(listObjects(clusterOf(world), NODE)).toHaveLength(1);
    expect(listObjects(newCluster(), NODE)).toHaveLength(0);
  });

  it('fills in metadata and defaults, and counts its versions', () => {
    const cluster = newCluster();
    const first = createObject(cluster, NODE, node('node1'));
    expect(first.metadata).toMatchObject({ name: 'node1', resourceVersion: '1', creationTimestamp: '2024-01-01T00:00:00Z' });
    expect(first['spec']).toEqual({ podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] });
    const second = patchObject(cluster, NODE, 'node1', { metadata: { labels: { a: 'b' } } });
    expect(second.metadata).toMatchObject({ uid: first.metadata.uid, resourceVersion: '2', labels: { a: 'b' } });
    expect(patchObject(cluster, NODE, 'node1', { metadata: { labels: { a: 'b' } } })).toBe(second);
  });

  it('refuses what the server refuses', () => {
    const cluster = newCluster();
    createObject(cluster, NODE, node('node1'));
    expect(refusal(() => createObject(cluster, NODE, node('node1')))).toBe('AlreadyExists: nodes "node1" already exists');
    expect(refusal(() => getObject(cluster, NODE, 'x'))).toBe('NotFound: nodes "x" not found');
    expect(refusal(() => deleteObject(cluster, NODE, 'x'))).toBe('NotFound: nodes "x" not found');
    expect(refusal(() => createObject(cluster, NODE, node('No_de')))).toMatch(/^Invalid: The Node "No_de" is invalid: metadata.name: Invalid value: "No_de": a lowercase RFC 1123 subdomain/);
    expect(refusal(() => createObject(cluster, NODE, node('node2', '10.244.1.0')))).toMatch(/^Invalid: .*spec.podCIDRs\[0\]: Invalid value: "10.244.1.0"/);
    const two = { ...node('node2'), spec: { podCIDRs: ['10.244.1.0/24', '10.244.2.0/24'] } };
    expect(refusal(() => createObject(cluster, NODE, two))).toBe('Invalid: The Node "node2" is invalid: spec.podCIDRs: Invalid value: ["10.244.1.0/24","10.244.2.0/24"]: may specify no more than one CIDR for each IP family');
    expect(() => createObject(cluster, NODE, node('node2', '2001:db8::/64'))).toThrow('the IPv6 pod CIDR 2001:db8::/64');
    // podCIDR alone is enough to be a change.
    expect(refusal(() => patchObject(cluster, NODE, 'node1', { spec: { podCIDR: '10.244.9.0/24' } }))).toMatch(/may not change podCIDR/);
    expect(refusal(() => patchObject(cluster, NODE, 'node1', { spec: { podCIDR: '10.244.9.0/24', podCIDRs: ['10.244.9.0/24'] } }))).toMatch(/may not change podCIDR/);
    expect(refusal(() => updateObject(cluster, NODE, { ...node('node1'), metadata: { name: 'node1', resourceVersion: '77' } }))).toMatch(/^Conflict: .*the object has been modified/);
  });

  it('changes the status only through its subresource', () => {
    const cluster = newCluster();
    createObject(cluster, NODE, node('node1'));
    patchObject(cluster, NODE, 'node1', { status: { phase: 'x' } });
    expect(getObject(cluster, NODE, 'node1')['status']).toBeUndefined();
    patchObject(cluster, NODE, 'node1', { status: { phase: 'x' }, spec: { podCIDR: 'y' } }, 'status');
    expect(getObject(cluster, NODE, 'node1')).toMatchObject({ status: { phase: 'x' }, spec: { podCIDR: '10.244.1.0/24' } });
  });

  it('tells who watches of all there is, and of each change a moment later', () => {
    const cluster = newCluster();
    const { queue } = cluster.world;
    createObject(cluster, NODE, node('node1'));
    const watch = watchObjects(cluster, NODE);
    let woken = 0;
    watch.readable.waiters.add(() => void woken++);
    expect(watch.events).toHaveLength(0);
    while (queue.step());
    expect(queue.now).toBe(WATCH_LATENCY);
    createObject(cluster, NODE, node('node2'));
    patchObject(cluster, NODE, 'node1', { metadata: { labels: { a: 'b' } } });
    deleteObject(cluster, NODE, 'node1');
    while (queue.step());
    expect(watch.events.map(({ type, object }) => `${type} ${object.metadata.name} ${object.metadata.resourceVersion}`)).toEqual(['ADDED node1 1', 'ADDED node2 2', 'MODIFIED node1 3', 'DELETED node1 4']);
    expect(woken).toBe(4);
    watch.close();
    deleteObject(cluster, NODE, 'node2');
    while (queue.step());
    expect(watch.events).toHaveLength(4);
  });
});

describe('JSON of the API', () => {
  it('merges as RFC 7386 says', () => {
    expect(mergePatch({ a: 'b', c: { d: 'e', f: 'g' } }, { a: 'z', c: { f: null } })).toEqual({ a: 'z', c: { d: 'e' } });
    expect(mergePatch({ a: ['b'] }, { a: { x: null, y: 1 } })).toEqual({ a: { y: 1 } });
  });

  it('has one canonical text whatever the order of keys', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      expect(JSON.parse(canonical(value as Json))).toEqual(JSON.parse(JSON.stringify(value)));
    }));
    expect(canonical({ b: 1, a: { d: 2, c: 3 } })).toBe('{"a":{"c":3,"d":2},"b":1}');
  });
});

describe('prefixes', () => {
  it('reads what Go reads, and writes the network', () => {
    expect(formatCidr(parseCidr('10.244.1.77/24')!)).toBe('10.244.1.0/24');
    for (const wrong of ['10.244.1.0', '10.244.1.0/33', '10.244.1.0/024', '10.244.01.0/24', '10.244.1.0/', '::/0', '10.244.1.256/24']) expect(parseCidr(wrong), wrong).toBeNull();
  });

  it('covers every address that it contains', () => {
    fc.assert(fc.property(fc.nat(0xffff_ffff), fc.nat(32), fc.nat(0xffff_ffff), (ip, prefixLength, other) => {
      const cidr = parseCidr(`${[24, 16, 8, 0].map((shift) => (ip >>> shift) & 255).join('.')}/${prefixLength}`)!;
      expect(cidrCovers(cidr, { ip: other, prefixLength: 32 })).toBe(cidrContains(cidr, other));
      expect(cidrContains(cidr, cidr.ip)).toBe(true);
    }));
  });
});

import { describe, expect, it } from 'vitest';
import { LAB_PROGRAMS } from '../../lab/programs.ts';
import { newMachine, runScript } from '../../shell/testing/run-script.ts';

/** stdout, stderr and exit code of a script. */
function kubectl(script: string): string {
  const run = runScript(script, { programs: LAB_PROGRAMS }, newMachine());
  return `${run.stdout}${run.stderr}exit ${run.exit}`;
}

const NODES = `cat >nodes.yaml <<END
apiVersion: v1
kind: Node
metadata:
  name: node1
  labels: {disk: ssd, node-role.kubernetes.io/control-plane: ""}
spec: {podCIDR: 10.244.1.0/24}
status:
  addresses: [{type: InternalIP, address: 192.168.1.11}]
  conditions: [{type: Ready, status: "True"}]
---
apiVersion: v1
kind: Node
metadata: {name: node2}
spec: {podCIDR: 10.244.2.0/24}
END
kubectl create -f nodes.yaml >/dev/null
`;

describe('kubectl', () => {
  it('creates, applies and deletes', () => {
    expect(kubectl(`${NODES} kubectl create -f nodes.yaml; kubectl delete node node1 x; kubectl get node -o name`)).toBe(
      'node "node1" deleted\nnode/node2\n'
      + 'Error from server (AlreadyExists): error when creating "nodes.yaml": nodes "node1" already exists\n'
      + 'Error from server (AlreadyExists): error when creating "nodes.yaml": nodes "node2" already exists\n'
      + 'Error from server (NotFound): nodes "x" not found\nexit 0');
    expect(kubectl(`node() { echo '{"apiVersion":"v1","kind":"Node","metadata":{"name":"n","labels":{'$1'}}}' | kubectl apply -f -; }
      node '"a":"b"'; node '"a":"b"'; node '"c":"d"'; kubectl get nodes --show-labels --no-headers`)).toBe('node/n created\nnode/n unchanged\nnode/n configured\nn     Unknown   <none>   0s          c=d\nexit 0');
  });

  it('shows nodes as a table', () => {
    expect(kubectl(`${NODES} sleep 125; kubectl get nodes; kubectl get no node1 -o wide`)).toBe(
      'NAME    STATUS    ROLES           AGE    VERSION\n'
      + 'node1   Ready     control-plane   2m5s   \n'
      + 'node2   Unknown   <none>          2m5s   \n'
      + 'NAME    STATUS   ROLES           AGE    VERSION   INTERNAL-IP    EXTERNAL-IP   OS-IMAGE    KERNEL-VERSION   CONTAINER-RUNTIME\n'
      + 'node1   Ready    control-plane   2m5s             192.168.1.11   <none>        <unknown>   <unknown>        <unknown>\nexit 0');
    expect(kubectl('kubectl get nodes')).toBe('No resources found\nexit 0');
    expect(kubectl(`${NODES} kubectl get nodes -l disk=ssd -o name; kubectl get nodes -l '!disk' -o name`)).toBe('node/node1\nnode/node2\nexit 0');
  });

  it('prints YAML, JSON and paths', () => {
    expect(kubectl(`${NODES} kubectl get node node2 -o yaml | grep -v uid`)).toBe(`apiVersion: v1
kind: Node
metadata:
  creationTimestamp: "2024-01-01T00:00:00Z"
  name: node2
  resourceVersion: "2"
spec:
  podCIDR: 10.244.2.0/24
  podCIDRs:
  - 10.244.2.0/24
exit 0`);
    expect(kubectl(`${NODES} kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name}{"\\t"}{.spec.podCIDR}{"\\n"}{end}'`)).toBe('node1\t10.244.1.0/24\nnode2\t10.244.2.0/24\nexit 0');
    expect(kubectl(`${NODES} kubectl annotate node node1 example.com/a=1 >/dev/null; kubectl get node node1 -o jsonpath='{.metadata.annotations.example\\.com/a} {.spec.podCIDRs[0]} {.metadata.labels["disk"]}'`)).toBe('1 10.244.1.0/24 ssdexit 0');
    expect(kubectl(`${NODES} kubectl get nodes -o json | head -3`)).toBe('{\n    "apiVersion": "v1",\n    "items": [\nexit 0');
  });

  it('labels, annotates and patches', () => {
    expect(kubectl(`${NODES} kubectl label node node1 disk=hdd; kubectl label node node1 disk=hdd --overwrite; kubectl label node node1 disk=hdd; kubectl label node/node1 disk-
      kubectl annotate nodes node1 a=1; kubectl annotate node node1 a=2; kubectl annotate node node1 a=2 --overwrite; kubectl annotate node x a=1`)).toBe(
      'node/node1 labeled\nnode/node1 not labeled\nnode/node1 unlabeled\nnode/node1 annotated\nnode/node1 annotated\n'
      + "error: 'disk' already has a value (ssd), and --overwrite is false\n"
      + "error: --overwrite is false but found the following declared annotation(s): 'a' already has a value (1)\n"
      + 'Error from server (NotFound): nodes "x" not found\nexit 1');
    expect(kubectl(`${NODES} kubectl patch node node1 -p '{"metadata":{"labels":{"a":"b"}}}'; kubectl patch node node1 --type merge -p '{"metadata":{"labels":{"a":"b"}}}'`)).toBe('node/node1 patched\nnode/node1 patched (no change)\nexit 0');
  });

  it.each([
    ['kubectl get nothing', 'error: the server doesn\'t have a resource type "nothing"\n', 1],
    ['kubectl create -f none.yaml', 'error: the path "none.yaml" does not exist\n', 1],
    ['kubectl apply', 'error: must specify one of -f and -k\n', 1],
    ['kubectl frobnicate', 'error: unknown command "frobnicate" for "kubectl"\n', 1],
    ['echo "kind: Node" | kubectl apply -f -', 'error: error validating "STDIN": error validating data: apiVersion not set; if you choose to ignore these errors, turn validation off with --validate=false\n', 1],
    ['kubectl get node x', 'Error from server (NotFound): nodes "x" not found\n', 1],
    ['kubectl delete node', 'error: resource(s) were provided, but no name was specified\n', 1],
    ['kubectl label node x', 'error: at least one label update is required\n', 1],
    ['kubectl get pods', 'hopscope: line 1: kubectl for pods is not simulated\n', 2],
    ['kubectl get nodes -w', 'hopscope: line 1: kubectl -w is not simulated\n', 2],
    [`kubectl patch node x -p '{"spec":{"taints":[{"key":"a"}]}}'`, 'hopscope: line 1: a strategic merge patch with a list of objects (kubectl patch without --type merge) is not simulated\n', 2],
    ['kubectl drain node1', 'hopscope: line 1: kubectl drain is not simulated\n', 2],
    ['echo "{apiVersion: v1, kind: Pod, metadata: {name: p}}" | kubectl apply -f -', 'hopscope: line 1: the kind Pod is not simulated\n', 2],
    ["kubectl get nodes -o 'jsonpath={.items[?(@.a)]}'", '', 0],
  ])('%s', (script, stderr, exit) => {
    const run = runScript(script, { programs: LAB_PROGRAMS }, newMachine());
    if (stderr !== '') expect(run.stderr).toBe(stderr);
    else expect(run.stderr).toMatch(/the JSONPath .* is not simulated/);
    expect(run.exit).toBe(stderr === '' ? 2 : exit);
  });

  it('is the same cluster on every machine', () => {
    const machine = newMachine();
    const other = machine.world.addMachine('node2', { ipv6: false, brNetfilter: false });
    runScript('echo "{apiVersion: v1, kind: Node, metadata: {name: node9}}" | kubectl create -f -', { programs: LAB_PROGRAMS }, machine);
    const run = runScript('kubectl get nodes -o name', { programs: LAB_PROGRAMS }, other);
    expect(run.stdout + run.stderr).toBe('node/node9\n');
  });
});

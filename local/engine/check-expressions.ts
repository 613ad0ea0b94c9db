import jsonata from 'jsonata';
import type { Branch, State, StateMachine } from './definition.ts';
import { expressionSource } from './definition.ts';

/** What is wrong with the expressions of a machine, one sentence each: syntax, and references that Step Functions refuses. */
export function checkExpressions(machine: StateMachine): string[] {
  const problems: string[] = [];
  checkStates(machine, '', problems);
  return problems;
}

function checkStates(branch: Branch, place: string, problems: string[]): void {
  for (const [name, state] of Object.entries(branch.States)) {
    const here = `${place}/States/${name}`;
    checkValue(state, here, state, '', problems);
    if (state.Type === 'Map') checkStates(state.ItemProcessor, `${here}/ItemProcessor`, problems);
    if (state.Type !== 'Parallel') continue;
    state.Branches.forEach((inner, index) => {
      checkStates(inner, `${here}/Branches/${index}`, problems);
    });
  }
}

const WITHOUT_EXPRESSIONS = new Set(['Comment', 'Branches', 'ItemProcessor']);

function checkValue(
  value: unknown,
  here: string,
  state: State,
  field: string,
  problems: string[],
): void {
  if (typeof value === 'string' && (value.startsWith('{%') || value.endsWith('%}'))) {
    for (const problem of expressionProblems(value, availableStates(state, field))) {
      problems.push(`${here}${field}: ${problem}`);
    }
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (field === '' && WITHOUT_EXPRESSIONS.has(key)) continue;
    if (key.endsWith('.$')) {
      problems.push(`${here}${field}/${key}: a key that ends in .$ belongs to JSONPath`);
    }
    checkValue(member, here, state, `${field}/${key}`, problems);
  }
}

/** The members that `$states` has in a field. */
function availableStates(state: State, field: string): Set<string> {
  const available = new Set(['input', 'context']);
  if (/^\/(Assign|Output)\b/.test(field) && ['Task', 'Parallel', 'Map'].includes(state.Type)) {
    available.add('result');
  }
  if (/^\/Catch\/\d+\/(Assign|Output)\b/.test(field)) available.add('errorOutput');
  return available;
}

function expressionProblems(value: string, available: Set<string>): string[] {
  const source = expressionSource(value);
  if (source === undefined) return ['an expression is written "{% … %}", with nothing around it'];
  const problems: string[] = [];
  try {
    visit(jsonata(source).ast() as Node, true, available, problems);
  } catch (error) {
    problems.push(`not JSONata: ${(error as Error).message}`);
  }
  return problems;
}

/** The parts of jsonata's syntax tree that hold further nodes. */
interface Node {
  type: string;
  value?: unknown;
  steps?: Node[];
  stages?: { expr?: Node }[];
  predicate?: { expr?: Node }[];
  group?: { lhs: [Node, Node][] };
  lhs?: Node | [Node, Node][];
  rhs?: Node;
  expression?: Node;
  expressions?: Node[];
  arguments?: Node[];
  procedure?: Node;
  body?: Node;
  condition?: Node;
  then?: Node;
  else?: Node;
  terms?: { expression: Node }[];
}

/**
 * An expression of Step Functions has no context item, so a path must begin with a variable. `top` is true where the context item is
 * still that of the whole expression: in predicates and later steps it is not, and field names are right.
 */
function visit(
  node: Node | undefined,
  top: boolean,
  available: Set<string>,
  problems: string[],
): void {
  if (node === undefined) return;
  const into = (inner: Node | undefined, innerTop: boolean) =>
    visit(inner, innerTop, available, problems);
  const { type, value } = node;
  if (type === 'variable' && (value === '$' || (value === '' && top))) {
    problems.push(`$${value} is not supported at the top level; write $states.input`);
  }
  if (top && ['name', 'wildcard', 'descendant'].includes(type)) {
    problems.push(`a reference to '${String(value)}' at the top level is not supported`);
  }
  if (type === 'function' && node.procedure?.value === 'eval') {
    problems.push('$eval is not supported; write $parse');
  }
  const [first, ...later] = node.steps ?? [];
  if (first?.type === 'variable' && first.value === 'states' && later[0] !== undefined) {
    const member = String(later[0].value);
    if (!available.has(member)) problems.push(`$states.${member} is not available here`);
  }
  into(first, top);
  for (const step of later) into(step, false);
  for (const { expr } of [...(node.stages ?? []), ...(node.predicate ?? [])]) into(expr, false);
  for (const { expression } of node.terms ?? []) into(expression, false);
  for (const pair of node.group?.lhs ?? []) pair.forEach((member) => into(member, false));
  if (Array.isArray(node.lhs)) for (const pair of node.lhs) pair.forEach((m) => into(m, top));
  else into(node.lhs, top);
  node.arguments?.forEach((argument) => into(argument, top));
  node.expressions?.forEach((inner) => into(inner, top));
  for (const inner of [node.rhs, node.expression, node.body]) into(inner, top);
  for (const inner of [node.condition, node.then, node.else]) into(inner, top);
}

import type { Branch, State, StateMachine } from './definition.ts';
import { isDistributed } from './definition.ts';

/** What is wrong with the transitions, names and variable scopes of a machine, one sentence each. */
export function checkGraph(machine: StateMachine): string[] {
  const problems: string[] = [];
  checkBranch(machine, '', new Set(), new Set(), problems);
  return problems;
}

function checkBranch(
  branch: Branch,
  place: string,
  names: Set<string>,
  outerVariables: ReadonlySet<string>,
  problems: string[],
): void {
  const entries = Object.entries(branch.States);
  const assigned = new Set(entries.flatMap(([, state]) => assignments(state)));
  for (const name of assigned) {
    if (outerVariables.has(name)) {
      problems.push(
        `${place}/States: the variable ${name} is also assigned in an outer scope, which Step Functions refuses`,
      );
    }
  }
  checkTargets(branch, place, problems);
  for (const [name, state] of entries) {
    const here = `${place}/States/${name}`;
    if (names.has(name)) problems.push(`${here}: the name is used twice in the machine`);
    names.add(name);
    problems.push(...stateProblems(state).map((problem) => `${here}: ${problem}`));
    for (const [inner, innerPlace] of innerBranches(state)) {
      const visible = new Set([...outerVariables, ...assigned]);
      checkBranch(inner, here + innerPlace, names, visible, problems);
    }
  }
}

function checkTargets(branch: Branch, place: string, problems: string[]): void {
  const reached = new Set<string>();
  const waiting: [name: string, from: string][] = [[branch.StartAt, 'StartAt']];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [name, from] = next;
    if (reached.has(name)) continue;
    const state = branch.States[name];
    if (state === undefined) {
      problems.push(`${place}/${from}: there is no state ${name}`);
      continue;
    }
    reached.add(name);
    for (const target of targets(state)) waiting.push([target, `States/${name}`]);
  }
  for (const [name] of Object.entries(branch.States)) {
    if (!reached.has(name)) problems.push(`${place}/States/${name}: no state leads here`);
  }
}

function targets(state: State): string[] {
  const found: (string | undefined)[] = [];
  if ('Next' in state) found.push(state.Next);
  if ('Catch' in state) found.push(...(state.Catch ?? []).map((catcher) => catcher.Next));
  if (state.Type === 'Choice') {
    found.push(...state.Choices.map((choice) => choice.Next), state.Default);
  }
  return found.filter((name) => name !== undefined);
}

function assignments(state: State): string[] {
  const blocks = [
    ...('Assign' in state ? [state.Assign] : []),
    ...('Catch' in state ? (state.Catch ?? []).map((catcher) => catcher.Assign) : []),
    ...(state.Type === 'Choice' ? state.Choices.map((choice) => choice.Assign) : []),
  ];
  return blocks.flatMap((block) => Object.keys(block ?? {}));
}

function innerBranches(state: State): [Branch, string][] {
  if (state.Type === 'Map') return [[state.ItemProcessor, '/ItemProcessor']];
  if (state.Type !== 'Parallel') return [];
  return state.Branches.map((branch, index) => [branch, `/Branches/${index}`]);
}

const VARIABLE_NAME = /^[\p{ID_Start}_][\p{ID_Continue}]{0,79}$/u;
const DISTRIBUTED_ONLY = [
  'ItemReader',
  'ItemBatcher',
  'ToleratedFailureCount',
  'ToleratedFailurePercentage',
  'ResultWriter',
  'Label',
] as const;

function stateProblems(state: State): string[] {
  const problems: string[] = [];
  if (!['Choice', 'Succeed', 'Fail'].includes(state.Type)) {
    if ('Next' in state === 'End' in state) problems.push('needs either Next or End');
  }
  if (state.Type === 'Wait' && 'Seconds' in state === 'Timestamp' in state) {
    problems.push('needs either Seconds or Timestamp');
  }
  if (state.Type === 'Map') {
    if ('Items' in state && 'ItemReader' in state) {
      problems.push('has both Items and ItemReader');
    }
    for (const field of isDistributed(state) ? [] : DISTRIBUTED_ONLY) {
      if (field in state) problems.push(`${field} needs the mode DISTRIBUTED`);
    }
  }
  for (const name of assignments(state)) {
    if (name === 'states' || !VARIABLE_NAME.test(name)) {
      problems.push(`${name} cannot be the name of a variable`);
    }
  }
  problems.push(...argumentProblems(state), ...errorNameProblems(state));
  return problems;
}

function argumentProblems(state: State): string[] {
  if (state.Type !== 'Task' || typeof state.Arguments === 'string') return [];
  const given = Object.keys(state.Arguments ?? {});
  const [required, allowed] = {
    'arn:aws:states:::lambda:invoke': ['FunctionName', ['FunctionName', 'Payload']] as const,
    'arn:aws:states:::events:putEvents': ['Entries', ['Entries']] as const,
    'arn:aws:states:::ecs:runTask.sync': ['TaskDefinition', given] as const,
  }[state.Resource];
  return [
    ...(given.includes(required) ? [] : [`Arguments lack ${required}`]),
    ...given
      .filter((name) => !(allowed as readonly string[]).includes(name))
      .map((name) => `the argument ${name} is not supported`),
  ];
}

function errorNameProblems(state: State): string[] {
  if (state.Type !== 'Task' && state.Type !== 'Parallel' && state.Type !== 'Map') return [];
  return [state.Retry ?? [], state.Catch ?? []]
    .flatMap((handlers) =>
      handlers.map(({ ErrorEquals }, index) => ({
        ErrorEquals,
        last: index === handlers.length - 1,
      })),
    )
    .filter(
      ({ ErrorEquals, last }) =>
        ErrorEquals.includes('States.ALL') && (ErrorEquals.length > 1 || !last),
    )
    .map(() => 'States.ALL must stand alone, and last');
}

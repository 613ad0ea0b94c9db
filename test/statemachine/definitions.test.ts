import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import aslValidator from 'asl-validator';
import { describe, expect, it } from 'vitest';
import { STATE_FUNCTION_NAMES } from '../../local/state-functions.ts';
import { errorClasses } from '../error-classes.ts';

const root = join(import.meta.dirname, '..', '..');
const machines = readdirSync(join(root, 'statemachine')).filter((file) =>
  file.endsWith('.asl.json'),
);

interface State {
  Type: string;
  Arguments?: { FunctionName?: string };
  Retry?: { ErrorEquals: string[] }[];
  Catch?: { ErrorEquals: string[] }[];
  ItemProcessor?: { States: Record<string, State> };
  Branches?: { States: Record<string, State> }[];
}

function* statesOf(states: Record<string, State>): Generator<[string, State]> {
  for (const [name, state] of Object.entries(states)) {
    yield [name, state];
    if (state.ItemProcessor !== undefined) yield* statesOf(state.ItemProcessor.States);
    for (const { States } of state.Branches ?? []) yield* statesOf(States);
  }
}

const allStates = machines.flatMap((file) => {
  const definition = JSON.parse(readFileSync(join(root, 'statemachine', file), 'utf8'));
  return [...statesOf(definition.States)].map(([name, state]) => ({ file, name, state }));
});
const functionStates = allStates.filter(({ state }) => state.Arguments?.FunctionName !== undefined);

function catchesAll(catchers: State['Catch'] = []): boolean {
  return catchers.some(({ ErrorEquals }) => ErrorEquals.includes('States.ALL'));
}

function kebab(name: string): string {
  return name.replaceAll(/(?<!^)([A-Z])/g, '-$1').toLowerCase();
}

describe('the state machines', () => {
  it.each(machines)('%s is valid Amazon States Language', (file) => {
    // As it is deployed: placeholders stand for ARNs, names and numbers.
    const text = readFileSync(join(root, 'statemachine', file), 'utf8');
    const definition = JSON.parse(text.replaceAll(/\$\{\w+\}/g, '1'));

    const { isValid, errorsText } = aslValidator(definition, { checkArn: false });

    expect(errorsText('\n')).toBe('');
    expect(isValid).toBe(true);
  });

  it('call for each Task state the function of its name', () => {
    for (const { name, state } of functionStates) {
      expect(state.Arguments?.FunctionName).toBe(`\${${name}FunctionArn}`);
    }
  });

  it('have one file in functions/ for each Task state, and none besides', () => {
    const byEvents = [
      'receive-webhook.ts',
      'report-ages.ts',
      'report-run.ts',
      'start-backup.ts',
      'start-maintenance.ts',
    ];
    const files = readdirSync(join(root, 'functions'))
      .filter((file) => file.endsWith('.ts') && !byEvents.includes(file))
      .sort();
    const states = new Set(functionStates.map(({ name }) => `${kebab(name)}.ts`));

    expect([...states].sort()).toEqual(files);
    expect(STATE_FUNCTION_NAMES.map((name) => `${kebab(name)}.ts`).sort()).toEqual(files);
  });

  it('match only errors that exist', () => {
    const known = new Set(errorClasses().map(({ name }) => name));
    const matched = allStates.flatMap(({ state }) =>
      [...(state.Retry ?? []), ...(state.Catch ?? [])].flatMap(({ ErrorEquals }) => ErrorEquals),
    );

    const unknown = matched.filter((name) => !/^(States|Lambda)\./.test(name) && !known.has(name));

    expect(unknown).toEqual([]);
  });

  it('catch every failure of a Task that changes something', () => {
    const uncaught = functionStates
      .filter(({ state }) => !catchesAll(state.Catch))
      .map(({ name }) => name);

    // OpenCheckpoint fails before there is anything to clean up; the Maps over workers and disks catch for them; a summary is only read.
    expect(uncaught.sort()).toEqual([
      'AssembleRange',
      'CheckRange',
      'CompactGroup',
      'CopyVolume',
      'CreateServerSnapshot',
      'DeletePage',
      'OpenCheckpoint',
      'PlanUpload',
      'PollImage',
      'SnapshotVolume',
      'SummariseBackup',
      'UploadRange',
      'UploadStream',
      'VerifyRange',
    ]);
  });
});

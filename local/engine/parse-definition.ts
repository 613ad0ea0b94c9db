import { createHash } from 'node:crypto';
import type * as z from 'zod';
import { checkGraph } from './check-graph.ts';
import { checkExpressions } from './check-expressions.ts';
import { type StateMachine, stateMachine } from './definition.ts';
import { DefinitionInvalid } from './errors.ts';

/** A definition that was found fit to run. */
export interface Definition {
  readonly machine: StateMachine;
  /** SHA-256 of the definition with its substitutions made, hex: an execution is continued only with the one it began with. */
  readonly sha256: string;
}

const JSON_PATH_FIELDS = new Set([
  'InputPath',
  'OutputPath',
  'ResultPath',
  'ResultSelector',
  'Parameters',
  'Result',
  'ItemsPath',
  'MaxConcurrencyPath',
  'MaxItemsPerBatchPath',
  'ToleratedFailureCountPath',
  'ToleratedFailurePercentagePath',
  'SecondsPath',
  'TimestampPath',
  'TimeoutSecondsPath',
  'ErrorPath',
  'CausePath',
  'Iterator',
]);

/**
 * Reads a state machine's definition (Amazon States Language, JSONata) and checks it whole: fields, transitions, reachability,
 * names, scopes of variables and the syntax of every expression. `${Name}` in the text stands for `substitutions.Name`, as CDK's
 * definitionSubstitutions has it. Throws `DefinitionInvalid` that lists everything that is wrong.
 */
export function parseDefinition(
  text: string,
  substitutions: Readonly<Record<string, string>> = {},
): Definition {
  const problems: string[] = [];
  const substituted = text.replaceAll(/\$\{([A-Za-z0-9_.:]+)\}/g, (placeholder, name: string) => {
    const value = substitutions[name];
    if (value === undefined) problems.push(`${placeholder} has no substitution`);
    return value === undefined ? placeholder : JSON.stringify(value).slice(1, -1);
  });
  const parsed = stateMachine.safeParse(parseJson(substituted));
  problems.push(...(parsed.error?.issues ?? []).flatMap(describeIssue));
  if (parsed.data !== undefined) {
    problems.push(...checkGraph(parsed.data), ...checkExpressions(parsed.data));
  }
  if (problems.length > 0 || parsed.data === undefined) {
    throw new DefinitionInvalid(`the definition cannot be run:\n- ${problems.join('\n- ')}`);
  }
  const sha256 = createHash('sha256').update(JSON.stringify(parsed.data)).digest('hex');
  return { machine: parsed.data, sha256 };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DefinitionInvalid(`the definition is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const place = `/${issue.path.join('/')}`;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) =>
      JSON_PATH_FIELDS.has(key)
        ? `${place}: ${key} belongs to JSONPath; this engine runs JSONata only`
        : `${place}: the field ${key} is not supported here`,
    );
  }
  const unknownType = issue.code === 'invalid_union' && issue.discriminator === 'Type';
  return [`${place}: ${unknownType ? 'not a state type that this engine runs' : issue.message}`];
}

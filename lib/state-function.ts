import type * as z from 'zod';
import type { Services } from './services.ts';

/** What a function knows of the call that runs it. */
export interface Call {
  /** Aborts when the execution is stopped, a sibling failed, or the time is nearly over. */
  readonly signal: AbortSignal;
  /** Milliseconds until the function is ended from outside. */
  readonly remainingMilliseconds: () => number;
}

/**
 * The work of one Task state: state `CreateServerSnapshot` = functions/create-server-snapshot.ts. Idempotent: retried, resumed or run
 * twice, the outcome is one. Inputs and outputs are ids, sizes and keys; never a secret.
 */
export interface StateFunction<Input, Output> {
  /** The state's name. */
  readonly name: string;
  readonly input: z.ZodType<Input>;
  run(services: Services, input: Input, call: Call): Promise<Output>;
}

/** Infers the types of a state function. */
export function stateFunction<Input, Output>(
  definition: StateFunction<Input, Output>,
): StateFunction<Input, Output> {
  return definition;
}

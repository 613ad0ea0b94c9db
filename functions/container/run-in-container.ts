import * as z from 'zod';
import { uploadImage } from '../upload-image.ts';
import { uploadStream } from '../upload-stream.ts';
import { InvalidInput } from '../../lib/errors.ts';
import { handlerOf } from '../../lib/handler.ts';
import { noteContainer } from '../../lib/protect/container-note.ts';
import type { Services } from '../../lib/services.ts';
import type { StateFunction } from '../../lib/state-function.ts';

/** The states of which a container runs the function, and where a state's error is looked for. */
const STATES: Readonly<Record<string, ContainerState>> = {
  UploadStreamInContainer: {
    definition: uploadStream,
    notesOf: (input) => `results/${uploadStream.input.parse(input).checkpoint}/`,
  },
  UploadImageInContainer: {
    definition: uploadImage,
    notesOf: (input) => `results/${uploadImage.input.parse(input).plan.restoreId}-`,
  },
};

interface ContainerState {
  readonly definition: StateFunction<unknown, unknown>;
  readonly notesOf: (input: unknown) => string;
}

export const CONTAINER_STATES: readonly string[] = Object.keys(STATES);

/** What a container was told to do: the arguments of its command. */
export interface ContainerCommand {
  readonly state: string;
  /** JSON, as the state machine gives it. */
  readonly input: string;
}

/** As the states that run containers wait, and a little less. */
export const CONTAINER_SECONDS = 3 * 24 * 3600 - 60;

/**
 * Runs the function of a state without Lambda's fifteen minutes. What it makes goes to the bank, the work place and Glance; why it failed
 * goes to the work place, and is thrown. Safe to repeat, as the function is.
 */
export async function runInContainer(
  services: Services,
  { state, input: text }: ContainerCommand,
  signal: AbortSignal,
): Promise<void> {
  const { definition, notesOf } = stateNamed(state);
  const input = parsed(state, text);
  const { work } = services.places;
  const notes = notesOf(input);
  await noteContainer(work, notes);
  const endsAt = services.clock.now() + CONTAINER_SECONDS * 1000;
  try {
    await handlerOf(definition, () => services)(input, {
      functionName: state,
      awsRequestId: state,
      getRemainingTimeInMillis: () => endsAt - services.clock.now(),
      signal,
    });
  } catch (error) {
    if (error instanceof Error) {
      const cause = { errorType: error.name, errorMessage: error.message };
      await noteContainer(work, notes, { Error: error.name, Cause: JSON.stringify(cause) });
    }
    throw error;
  }
}

function stateNamed(name: string): ContainerState {
  const state = Object.hasOwn(STATES, name) ? STATES[name] : undefined;
  if (state !== undefined) return state;
  throw new InvalidInput(
    `A container runs ${CONTAINER_STATES.join(' or ')}, not "${name}": give one of them, and its input as JSON.`,
  );
}

function parsed(state: string, text: string): unknown {
  const { definition } = stateNamed(state);
  const result = z
    .string()
    .transform((json, context) => {
      try {
        return JSON.parse(json) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'it is not JSON' });
        return z.NEVER;
      }
    })
    .pipe(definition.input)
    .safeParse(text);
  if (result.success) return result.data;
  throw new InvalidInput(`The input of ${state}: ${z.prettifyError(result.error)}`);
}

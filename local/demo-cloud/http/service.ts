import type { Project, ServiceType } from '../state.ts';
import type { Answer, Call, Route } from './call.ts';
import type { Refusal } from './refusal.ts';

/** One OpenStack service: its routes, and the shapes that all its answers share. */
export interface Service {
  readonly type: ServiceType;
  readonly routes: readonly Route[];
  /** The project that the token in `X-Auth-Token` is for; throws a `Refusal` with 401 where there is none. */
  authenticate(call: Pick<Call, 'incoming'>): Project;
  /** An error in the service's shape. `call` is absent before the request was routed. */
  refuse(refusal: Refusal, call: Call | undefined): Answer;
  /** Adds what every answer of the service carries; may refuse the call before it is handled. */
  prepare?(call: Call): void;
  finish?(answer: Answer, call: Call): Answer;
  /** The path as the routes know it. */
  canonicalPath?(path: string): string;
}

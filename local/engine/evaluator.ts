import jsonata from 'jsonata';
import type { Clock } from '../../lib/clock.ts';
import { expressionSource } from './definition.ts';
import type { Json, JsonObject } from './json.ts';
import { type Chance, useStepFunctions } from './jsonata-functions.ts';

/** An expression failed, or its value is not what its field takes. The message is worded as AWS words it. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError' as const;
  /** The field, as AWS names it: `Output/a/b[0]`. */
  readonly location: string;

  constructor(location: string, message: string) {
    super(message);
    this.location = location;
  }
}

/** Evaluates the templates of a definition: JSON in which strings `{% … %}` are JSONata expressions. Compiles each expression once. */
export class Evaluator {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #compiled = new Map<string, jsonata.Expression>();

  constructor(clock: Clock, chance: Chance) {
    this.#clock = clock;
    this.#chance = chance;
  }

  /** The template's value, sharing nothing with `variables`. Throws `EvaluationError`. */
  async evaluate(template: Json, variables: JsonObject, location: string): Promise<Json> {
    if (typeof template === 'string') {
      const source = expressionSource(template);
      return source === undefined ? template : await this.#run(source, variables, location);
    }
    if (Array.isArray(template)) {
      return await Promise.all(
        template.map((item, index) => this.evaluate(item, variables, `${location}[${index}]`)),
      );
    }
    if (typeof template !== 'object' || template === null) return template;
    const members = Object.entries(template).map(
      async ([key, value]) =>
        [key, await this.evaluate(value, variables, `${location}/${key}`)] as const,
    );
    return Object.fromEntries(await Promise.all(members));
  }

  async #run(source: string, variables: JsonObject, location: string): Promise<Json> {
    const about = `The JSONata expression '${source}' specified for the field '${location}'`;
    let value: unknown;
    try {
      value = await this.#compile(source).evaluate(undefined, variables);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      const text = code === undefined ? message : `${code}: ${message}`;
      throw new EvaluationError(location, `${about} threw an error during evaluation. ${text}`);
    }
    if (value === undefined) {
      throw new EvaluationError(location, `${about} returned nothing (undefined).`);
    }
    return JSON.parse(
      JSON.stringify(value, (_key, member: unknown) => {
        if (isFunction(member)) {
          throw new EvaluationError(location, `${about} returned a function, which is not JSON.`);
        }
        // JSON has no word for these; AWS writes the word that JavaScript has.
        return typeof member === 'number' && !Number.isFinite(member) ? String(member) : member;
      }),
    ) as Json;
  }

  #compile(source: string): jsonata.Expression {
    let expression = this.#compiled.get(source);
    if (expression === undefined) {
      expression = jsonata(source);
      useStepFunctions(expression, this.#clock, this.#chance);
      this.#compiled.set(source, expression);
    }
    return expression;
  }
}

function isFunction(value: unknown): boolean {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  return '_jsonata_function' in value || '_jsonata_lambda' in value;
}

import { parseArgs } from 'node:util';
import { check, type Verdict } from './checker.ts';
import { full, lossWithout, normal } from './configurations.ts';
import { protocol } from './protocol.ts';
import { type Rule, rules } from './rules.ts';
import { SeriesProtocol, type Wish } from './series-protocol.ts';

/*
 * The model checker by hand:
 *   node test/model/run.ts                  the configurations of the normal test run
 *   node test/model/run.ts --full           larger ones, at most --max-states (default 30 million) states each: some minutes, 2 GB
 *   node test/model/run.ts --full --only WORDS   those of them whose names hold the words
 *   node test/model/run.ts --without RULE   how data is lost where a rule is left out; `--without all` for each
 */
const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    'max-states': { type: 'string', default: '30000000' },
    only: { type: 'string', default: '' },
    without: { type: 'string' },
  },
});
const maxStates = Number(values['max-states']);

const series: readonly Wish[][] = [
  ['commit', 'renew', 'fence', 'prune'],
  ['commit', 'commit', 'fence', 'look'],
  ['renew', 'renew', 'commit', 'fence'],
  ['commit', 'prune', 'undelete', 'collect'],
];

if (values.without !== undefined) {
  for (const rule of rulesNamed(values.without)) explain(rule);
} else {
  for (const configuration of values.full ? [...normal, ...full] : normal) {
    timed(configuration.name, () => check(protocol(configuration), maxStates));
  }
  for (const wishes of values.full ? series : []) {
    timed(`one record: ${wishes.join(', ')}`, () => check(new SeriesProtocol(wishes), maxStates));
  }
}

function timed(name: string, checked: () => Verdict): void {
  if (!name.includes(values.only)) return;
  const start = performance.now();
  const { outcome, states, trace } = checked();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `${outcome.padEnd(8)} ${String(states).padStart(10)} states ${seconds.padStart(6)} s  ${name}`,
  );
  for (const step of trace) console.log(`    ${step}`);
  if (outcome === 'violated') process.exitCode = 1;
}

function explain(rule: Rule): void {
  const configuration = lossWithout[rule];
  const { states, trace } = check(protocol(configuration, [rule]), maxStates);
  console.log(`Without the rule "${rules[rule]}" (${configuration.name}; ${states} states):`);
  for (const step of trace) console.log(`    ${step}`);
}

function rulesNamed(word: string): Rule[] {
  const all = Object.keys(rules) as Rule[];
  const named = word === 'all' ? all : all.filter((rule) => rule === word);
  if (named.length === 0) throw new Error(`No rule "${word}"; there are ${all.join(', ')}.`);
  return named;
}

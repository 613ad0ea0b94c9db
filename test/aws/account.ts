import { InvalidInput } from '../../lib/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The account and the cloud that the tests may use. */
export interface TestAccount {
  region: string;
  /** Secrets that are there: of a cloud that functions in that account reach, with a server to back up, and of the bank's key. */
  cloudSecret: string;
  keySecret: string;
}

const WANTED = [
  ['AWS_REGION', 'the region to deploy to'],
  [
    'SNAPBANK_TEST_AWS_CLOUD_SECRET',
    'the secret of a cloud that the functions reach, such as a demo cloud behind a tunnel',
  ],
  ['SNAPBANK_TEST_AWS_KEY_SECRET', 'the secret with a key file for the bank that is made'],
] as const;

/** Throws `InvalidInput` that names all that is missing: nothing is deployed by accident. */
export function testAccount(env: Environment): TestAccount {
  if (env['SNAPBANK_TEST_AWS'] !== '1') {
    throw new InvalidInput(
      'These tests deploy a stack to an AWS account, which costs money, and remove it again. Set SNAPBANK_TEST_AWS=1 to run them.',
    );
  }
  const missing = WANTED.filter(([name]) => (env[name] ?? '') === '');
  const credentials = ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE'];
  const problems = missing.map(([name, what]) => `${name} (${what})`);
  if (!credentials.some((name) => (env[name] ?? '') !== '')) {
    problems.push(`credentials (${credentials.join(' or ')})`);
  }
  if (problems.length > 0) throw new InvalidInput(`Missing: ${problems.join(', ')}.`);
  return {
    region: env['AWS_REGION'] ?? '',
    cloudSecret: env['SNAPBANK_TEST_AWS_CLOUD_SECRET'] ?? '',
    keySecret: env['SNAPBANK_TEST_AWS_KEY_SECRET'] ?? '',
  };
}

/** Vitest's global setup: refuses the whole run. */
export default function requireAccount(): void {
  testAccount(process.env);
}

import { InvalidInput } from '../errors.ts';
import { redactUrl } from './redact.ts';

/** Which proxy is used for which host, in the words of the environment variables; their values may hold passwords. */
export interface ProxySettings {
  HTTP_PROXY?: string;
  HTTPS_PROXY?: string;
  NO_PROXY?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in lower case first as curl and Python do; undefined when no proxy is named. */
export function proxyFromEnvironment(env: Environment): ProxySettings | undefined {
  const settings: ProxySettings = {};
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'] as const) {
    const value = env[name.toLowerCase()] ?? env[name];
    if (value !== undefined && value !== '') settings[name] = value;
  }
  return settings.HTTP_PROXY === undefined && settings.HTTPS_PROXY === undefined
    ? undefined
    : settings;
}

/** Refuses what the connections could not use, before anything goes past the proxy unnoticed. */
export function checkProxy(settings: ProxySettings): void {
  // Node's agents know proxies from 22.21 and 24.5 on, the versions that know this flag; older ones would connect directly.
  if (!process.allowedNodeEnvironmentFlags.has('--use-env-proxy')) {
    throw new InvalidInput(
      `A proxy is set (HTTP_PROXY, HTTPS_PROXY), which Node ${process.versions.node} cannot use: run Node 24.5 or later, or 22.21 or later of 22.`,
    );
  }
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY'] as const) {
    const value = settings[name];
    if (value !== undefined && !/^https?:\/\//.test(value)) {
      throw new InvalidInput(
        `${name} is ${redactUrl(value)}; it must be a URL such as http://proxy.example.org:3128.`,
      );
    }
  }
}

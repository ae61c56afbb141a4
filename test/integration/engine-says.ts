/** The engine's own words, asked for without berthkit. It changes nothing. */
import { request } from 'node:http';
import { connectToEngine } from './test-engine.js';

/** The answer to a GET of the engine at `DOCKER_HOST`, from JSON. */
export async function engineSays(path: string): Promise<unknown> {
  return JSON.parse(await engineText(path));
}

/** The answer to a GET of the engine at `DOCKER_HOST`, as it comes. */
export async function engineText(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ createConnection: connectToEngine, path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        resolve(text);
      });
    });
    call.on('error', reject).end();
  });
}

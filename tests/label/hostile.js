/* What a hostile page tries on the server of skal label; says what came of it. */
async ({ port, key }) => {
  const url = `http://127.0.0.1:${port}`;
  const label = JSON.stringify({ events: [{ event: 'evil', item: 1, kind: 'label', value: 'pos' }] });
  const seen = {};
  const attempt = async (name, run) => {
    try { seen[name] = await run(); } catch (error) { seen[name] = 'refused'; }
  };
  const json = { 'Content-Type': 'application/json', 'X-Skal-Key': key };
  await attempt('fetch', async () => (await fetch(`${url}/api/events`, {
    method: 'POST', headers: json, body: label, credentials: 'include' })).status);
  await attempt('plain fetch', async () => (await fetch(`${url}/api/events`, {
    method: 'POST', mode: 'no-cors', headers: { 'Content-Type': 'text/plain' }, body: label,
    credentials: 'include' })).type);
  await attempt('beacon', async () => navigator.sendBeacon(`${url}/api/events`, label));
  await attempt('read', async () => (await fetch(`${url}/api/state`, { credentials: 'include' })).text());
  const load = (tag, src) => new Promise((done, fail) => {
    const element = document.createElement(tag);
    element.onload = () => done('loaded');
    element.onerror = fail;
    element.src = src;
    document.body.append(element);
  });
  await attempt('image', () => load('img', `${url}/media/1`));
  await attempt('script', () => load('script', `${url}/static/page.js`));
  await attempt('socket', () => new Promise((done, fail) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/state`);
    socket.onopen = () => done('open');
    socket.onerror = fail;
  }));
  const frame = document.createElement('iframe');
  frame.name = 'target';
  frame.src = `${url}/`;
  document.body.append(frame);
  await new Promise((done) => { frame.onload = done; setTimeout(done, 1500); });
  await attempt('frame', async () => frame.contentDocument.body.innerText);
  const form = document.createElement('form');
  Object.assign(form, { method: 'POST', action: `${url}/api/events`, target: 'target', enctype: 'text/plain' });
  const input = document.createElement('input');
  Object.assign(input, { name: label.slice(0, -1) + ',"x":"', value: '"}' });
  form.append(input);
  document.body.append(form);
  form.submit();
  await new Promise((done) => { frame.onload = done; setTimeout(done, 1500); });
  return seen;
}

const api = '/api/v1/collections';
const page = 24;
const pause = 250; // Milliseconds without a key before what is typed is searched for.
const $ = id => document.getElementById(id);

/** What is searched for. All of it but the picture stands in the page's address, so that a link can be shared. */
const blank = { collection: '', q: '', minus: '', item: '', target: 'image', picture: null, k: page };
let wanted = { ...blank };
let collections = [];
let key = sessionStorage.getItem('key') ?? ''; // What the node asks for where others can reach it; kept as long as the tab is open.
let running = new AbortController();
let typing = 0;

// --- Talking to the node

class Problem extends Error {
  constructor(title, text) { super(text); this.title = title; }
}

const keyed = headers => key ? { ...headers, authorization: `Bearer ${key}` } : { ...headers };

async function ask(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { ...options, headers: keyed(options.headers) });
  } catch (failure) {
    if (failure.name === 'AbortError') throw failure;
    throw new Problem('The node cannot be reached.', 'Is “fusemix serve” still running?');
  }
  const body = await response.json().catch(() => ({}));
  $('door').hidden = response.status !== 401;
  if (!response.ok) throw new Problem(body.detail ?? body.title ?? `The node answered ${response.status}.`, body.remedy ?? '');
  return body;
}

const pathOf = collection => `${api}/${encodeURIComponent(collection)}`;
const pictureOf = id => `${pathOf(wanted.collection)}/content?${new URLSearchParams({ item: id })}`;

/** Shows an item's picture. Where a key is needed it is fetched by hand, since an image sends none. */
async function paint(image, id) {
  if (!key) return void (image.src = pictureOf(id));
  const response = await fetch(pictureOf(id), { headers: keyed() }).catch(() => null);
  if (!response?.ok) return void image.dispatchEvent(new Event('error'));
  image.onload = () => URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(await response.blob());
}

async function allCollections() {
  const all = [];
  for (let next = ''; next !== null;) {
    const page = await ask(`${api}?${new URLSearchParams(filled({ limit: 1000, cursor: next }))}`);
    all.push(...page.items);
    next = page.next;
  }
  return all;
}

const base64Of = file => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
  reader.onerror = () => reject(new Problem('The picture cannot be read.', reader.error.message));
  reader.readAsDataURL(file);
});

async function answerTo({ collection, q, minus, item, target, picture, k }, signal) {
  if (!picture) return ask(`${pathOf(collection)}/search?${new URLSearchParams(filled({ q, minus, item, target, k }))}`, { signal });
  const terms = [{ content: await base64Of(picture), modality: 'image' }];
  if (q.trim()) terms.push({ text: q });
  if (minus.trim()) terms.push({ text: minus, weight: -0.5 });
  const body = JSON.stringify({ queries: [{ terms }], target, k });
  return ask(`${pathOf(collection)}/search`, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal });
}

const filled = values => Object.entries(values).filter(([, value]) => String(value).trim());

// --- Searching

/** Changes what is wanted, and searches. `keep` leaves the browser's history as it is, as for every letter typed. */
function want(change, keep = false) {
  clearTimeout(typing);
  wanted = { ...wanted, k: page, ...change };
  const { q, minus, item, target, collection } = wanted;
  const known = { q, minus, item, target: target === blank.target ? '' : target, collection: collection === collections[0]?.name ? '' : collection };
  const address = `?${new URLSearchParams(filled(known))}`;
  if (address !== (location.search || '?')) history[keep ? 'replaceState' : 'pushState'](null, '', address === '?' ? '/' : address);
  return search();
}

async function search() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const search = wanted;
  fill();
  if (!search.q.trim() && !search.item && !search.picture) {
    show([]);
    return tell(null, search.minus.trim() ? 'Say also what to look for.' : '');
  }
  $('results').setAttribute('aria-busy', 'true');
  try {
    const answer = await answerTo(search, signal);
    if (signal.aborted) return; // Something else is wanted by now.
    show(answer.results[0]);
    $('more').hidden = answer.results[0].length < search.k || search.k >= 10000;
    tell(
      answer.complete ? null : new Problem('Some of the collection did not answer.', answer.missingShards.join('; ')),
      `${answer.results[0].length.toLocaleString('en')} results in ${answer.elapsedMs.toFixed(1)} ms`);
  } catch (failure) {
    if (signal.aborted) return;
    show([]);
    tell(failure);
  } finally {
    if (!signal.aborted) $('results').removeAttribute('aria-busy');
  }
}

// --- Showing

function tell(problem, status = '') {
  $('status').textContent = status;
  $('problem').hidden = !problem;
  $('problem-title').textContent = problem?.title ?? 'The page failed.';
  $('problem-text').textContent = problem?.message ?? '';
  $('start').hidden = !!problem || $('results').childElementCount > 0 || !!wanted.q || !!wanted.item || !!wanted.picture;
}

/** Makes the form say what is wanted. */
function fill() {
  for (const field of ['query', 'minus']) {
    const value = field === 'query' ? wanted.q : wanted.minus;
    if ($(field).value !== value) $(field).value = value;
  }
  $('collection').value = wanted.collection;
  for (const input of document.getElementsByName('target')) input.checked = input.value === wanted.target;
  document.title = [wanted.q, 'FuseMix search'].filter(Boolean).join(' – ');

  const { picture, item } = wanted;
  $('like').hidden = !picture && !item;
  $('like-name').textContent = picture ? picture.name : `like ${item}`;
  const image = $('like-picture');
  image.hidden = false;
  if (image.src.startsWith('blob:')) URL.revokeObjectURL(image.src);
  if (picture) image.src = URL.createObjectURL(picture);
  else if (item) paint(image, item);
  const about = collections.find(c => c.name === wanted.collection);
  $('about').textContent = about ? counts(about) : '';
}

function counts({ shards }) {
  const sums = new Map();
  for (const { modality, count } of shards) sums.set(modality, (sums.get(modality) ?? 0) + count);
  return [...sums].map(([modality, count]) => `${count.toLocaleString('en')} ${modality}s`).join(' · ');
}

const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

function show(hits) {
  $('more').hidden = true;
  const walking = $('results').contains(document.activeElement);
  $('results').replaceChildren(...hits.map(({ id, modality, score, metadata }) => {
    const caption = metadata['fusemix.caption'] ?? metadata.caption ?? id;
    const button = make('button', { type: 'button', className: modality, title: `${caption}\n\nMore like this` });
    if (modality === 'image') {
      const image = make('img', { alt: caption, loading: 'lazy' });
      button.append(image);
      paint(image, id);
    }
    button.append(
      make('div', { className: 'caption', textContent: caption }),
      make('div', { className: 'facts' }, make('span', { textContent: id }), make('span', { textContent: score.toFixed(3) })),
      make('progress', { max: 1, value: Math.max(0, score), ariaHidden: 'true' }));
    button.onclick = () => { scrollTo({ top: 0 }); want({ q: '', minus: '', item: id, picture: null }); };
    return make('li', {}, button);
  }));
  if (walking) focusResult(0);
}

const cards = () => [...document.querySelectorAll('#results button')];
const focusResult = index => cards()[index]?.focus();

// --- What the user does

const typed = () => ({ q: $('query').value, minus: $('minus').value });
const take = file => file && want({ picture: file, item: '', ...typed() });

$('search').onsubmit = event => { event.preventDefault(); want(typed()); };
$('search').oninput = event => {
  if (event.target.type !== 'search') return;
  clearTimeout(typing);
  typing = setTimeout(() => want(typed(), true), pause);
};
for (const input of document.getElementsByName('target')) input.onchange = () => want({ target: input.value, ...typed() });
$('collection').onchange = () => want({ collection: $('collection').value, item: '', ...typed() });
$('file').onchange = () => { take($('file').files[0]); $('file').value = ''; };
$('forget').onclick = () => { want({ item: '', picture: null, ...typed() }); $('query').focus(); };
$('like-picture').onerror = () => { $('like-picture').hidden = true; };
$('more').onclick = async () => {
  const shown = cards().length;
  wanted.k = Math.min(wanted.k + 2 * page, 10000);
  await search();
  focusResult(shown);
};

const draggingFiles = event => event.dataTransfer?.types.includes('Files');
document.ondragover = event => { if (draggingFiles(event)) { event.preventDefault(); document.body.classList.add('dropping'); } };
document.ondragleave = event => { if (!event.relatedTarget) document.body.classList.remove('dropping'); };
document.ondrop = event => {
  if (!draggingFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove('dropping');
  take(event.dataTransfer.files[0]);
};
document.onpaste = event => { if (event.clipboardData.files[0]) { event.preventDefault(); take(event.clipboardData.files[0]); } };

document.onkeydown = event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const inText = event.target.matches('input[type=search]');
  if (event.key === '/' && !inText) {
    event.preventDefault();
    $('query').select();
    $('query').focus();
  } else if (event.key === 'Escape') {
    event.preventDefault();
    want({ ...blank, collection: wanted.collection, target: wanted.target });
    $('query').focus();
  } else if (event.key.startsWith('Arrow')) {
    const all = cards();
    const at = all.indexOf(document.activeElement);
    if (at < 0 && !(inText && event.key === 'ArrowDown')) return;
    const columns = all.filter(card => card.offsetTop === all[0].offsetTop).length;
    const to = at < 0 ? 0 : at + { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    event.preventDefault();
    if (to < 0 && event.key === 'ArrowUp') $('query').focus();
    else focusResult(to);
  }
};

// --- Starting, and going back and forth

function read() {
  const link = Object.fromEntries(new URLSearchParams(location.search));
  const { q = '', minus = '', item = '', target = blank.target, collection = collections[0]?.name ?? '' } = link;
  wanted = { ...blank, q, minus, item, target, collection };
  return search();
}
onpopstate = read;

async function start() {
  try {
    collections = await allCollections();
    $('collection').replaceChildren(...collections.map(c => new Option(c.name)));
    if (collections.length) await read();
    else tell(new Problem('There is no collection yet.', 'Build one with: fusemix collections build'));
  } catch (failure) {
    tell(failure);
  }
}

$('door').onsubmit = event => {
  event.preventDefault();
  key = $('key').value.trim();
  sessionStorage.setItem('key', key);
  start();
};

await start();

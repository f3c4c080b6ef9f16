// Answers a relying party that asks in its frames whether the person in this browser is still the same (OpenID Connect Session
// Management 1.0 section 3.2): 'unchanged', 'changed' or, for what is no question, 'error'.
(function () {
  'use strict';
  var name = document.documentElement.dataset.cookie + '=';
  var page = null;
  try {
    page = location.ancestorOrigins && location.ancestorOrigins[0] || new URL(document.referrer).origin;
  } catch (unknown) {
    // Whoever hides where it is has the hash to show.
  }
  function state() {
    var cookie = document.cookie.split('; ').find(function (one) { return one.indexOf(name) === 0; });
    return cookie ? cookie.slice(name.length) : '';
  }
  function hash(text) {
    return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)).then(function (bytes) {
      var letters = String.fromCharCode.apply(null, new Uint8Array(bytes));
      return btoa(letters).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    });
  }
  window.addEventListener('message', function (event) {
    if (!event.source || event.origin === 'null' || (page && event.origin !== page)) {
      return;
    }
    function answer(word) { event.source.postMessage(word, event.origin); }
    var asked = typeof event.data === 'string' && /^(\S+) ([\w-]+)\.([\w-]+)$/.exec(event.data);
    if (!asked || !window.crypto || !crypto.subtle) {
      answer('error');
      return;
    }
    hash([asked[1], event.origin, state(), asked[3]].join(' ')).then(function (found) {
      answer(found === asked[2] ? 'unchanged' : 'changed');
    });
  });
})();

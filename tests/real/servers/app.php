<?php
// What PHP made of each request is written down; the answer is what it was asked and by whom.
$fields = [];
foreach ($_SERVER as $name => $value) {
    if (str_starts_with($name, 'HTTP_')) {
        $fields[substr($name, 5)] = $value;
    }
}
$target = $_SERVER['REQUEST_URI'];
$line = ['method' => $_SERVER['REQUEST_METHOD'], 'target' => $target, 'fields' => $fields,
    'body' => strlen(file_get_contents('php://input'))];
$json = json_encode($line, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);
file_put_contents(getenv('SEEN'), $json . "\n", FILE_APPEND);
$answer = $_SERVER['REQUEST_METHOD'] . ' ' . $target . ' ' . ($_SERVER['HTTP_X_FORWARDED_USER'] ?? '-');
header('X-App: 1');
header('Content-Length: ' . strlen($answer));
header_remove('Content-Type');
echo $answer;
return true;
